"""One pass over a module's top-level statements: its names, its marked functions, its riddles."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nemorun_discover.discovery.filescan import Computed, ProblemError
from nemorun_discover.discovery.scope import MARKS, TASK, Function, Names

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_TARGETS = (ast.Tuple, ast.List)
_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")
_STORING = (ast.Attribute, ast.Subscript, ast.Starred)


@dataclass(slots=True)
class Outline:
    """What a module is made of, in the order of its lines.

    Attributes:
        marked: Top-level functions with a decorator of ours.
        shadowed: Marked functions that a later `def` or `class` of the same name replaces, with it.
        public: Every `def` that is not inside a function or class, for factories.
        computed: What only an import can tell.
        problems: What can be said at once.
    """

    names: Names = field(default_factory=Names)
    marked: dict[str, Function] = field(default_factory=dict)
    shadowed: list[tuple[Function, int]] = field(default_factory=list)
    public: dict[str, Function] = field(default_factory=dict)
    computed: list[Computed] = field(default_factory=list)
    problems: list[ProblemError] = field(default_factory=list)


def read_outline(tree: ast.Module) -> Outline:
    """Read a module's top-level statements; the bodies of functions are not looked at."""
    reader = _Reader()
    reader.read(tree.body, is_certain=True)
    return reader.outline


def is_generator(node: Function) -> bool:
    """True where a function's own body yields; what is defined in it does not count."""
    pending: list[ast.AST] = list(node.body)
    while pending:
        one = pending.pop()
        if isinstance(one, (ast.Yield, ast.YieldFrom)):
            return True
        if not isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            pending += ast.iter_child_nodes(one)
    return False


def mark_of(decorator: ast.expr, names: Names) -> str | None:
    """Return the dotted name of a decorator, when it is one of ours."""
    target = decorator.func if isinstance(decorator, ast.Call) else decorator
    origin = names.origin(target)
    return origin if origin in MARKS else None


class _Reader:
    def __init__(self) -> None:
        self.outline = Outline()
        self.names = self.outline.names
        self._tainted: set[str] = set()
        self._makers: dict[str, bool] = {}

    def read(self, body: Sequence[ast.AST], *, is_certain: bool) -> None:
        for statement in body:
            if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
                self._function(statement, is_certain=is_certain)
            elif isinstance(statement, ast.ClassDef):
                self._class(statement, is_certain=is_certain)
            elif isinstance(statement, (ast.Import, ast.ImportFrom)):
                self._import(statement, is_certain=is_certain)
            elif not _is_main_guard(statement):
                self._other(statement, is_certain=is_certain)

    def _function(self, node: Function, *, is_certain: bool) -> None:
        marks = [each for each in node.decorator_list if mark_of(each, self.names)]
        self._replace(node, is_certain=is_certain)
        if any(self._makes_task(each) for each in node.decorator_list):
            self._compute(node.lineno, f"a decorator of {node.name!r} is made in the file")
        elif marks and is_certain:
            self.outline.marked[node.name] = node
        elif marks:
            self._compute(node.lineno, f"{node.name!r} is defined under a condition")
        self.names.bind_definition(node, is_certain=is_certain)
        self.outline.public.setdefault(node.name, node)
        if is_certain:
            self.outline.public[node.name] = node

    def _class(self, node: ast.ClassDef, *, is_certain: bool) -> None:
        self._replace(node, is_certain=is_certain)
        self.names.bind_definition(node, is_certain=is_certain)
        self.outline.public.pop(node.name, None)
        if self._is_task(node):
            self._refuse(node.lineno, f"the class {node.name} cannot be a task")
        for method in node.body:
            if isinstance(method, (ast.FunctionDef, ast.AsyncFunctionDef)) and self._is_task(
                method
            ):
                self._refuse(
                    method.lineno, f"the method {node.name}.{method.name} cannot be a task"
                )

    def _is_task(self, node: Function | ast.ClassDef) -> bool:
        return any(mark_of(each, self.names) in TASK for each in node.decorator_list)

    def _refuse(self, line: int, message: str) -> None:
        hint = "mark a function at the top level of the file, and use the class there"
        self.outline.problems.append(ProblemError(line, message, hint))

    def _replace(self, node: Function | ast.ClassDef, *, is_certain: bool) -> None:
        """Take note of a definition that has the name of an earlier task."""
        if not is_certain:
            self._rebind(node.name, node.lineno)
            return
        earlier = self.outline.marked.pop(node.name, None)
        if earlier is not None:
            self.outline.shadowed.append((earlier, node.lineno))

    def _rebind(self, name: str, line: int) -> None:
        """Take note that a name is, or may be, something else from here on."""
        self.outline.public.pop(name, None)
        if self.outline.marked.pop(name, None) is not None:
            self._compute(line, f"line {line} gives {name!r} another value")

    def _import(self, node: ast.Import | ast.ImportFrom, *, is_certain: bool) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                name, origin = (alias.asname, alias.name) if alias.asname else (top, top)
                self._bind_import(node, name, origin, is_certain=is_certain)
            return
        module = "." * node.level + (node.module or "")
        for alias in node.names:
            if alias.name != "*":
                dot = "" if module.endswith(".") else "."
                name, origin = alias.asname or alias.name, f"{module}{dot}{alias.name}"
                self._bind_import(node, name, origin, is_certain=is_certain)
            elif f"{module}.task" in TASK:
                for name in ("task", "parametrize"):
                    origin = f"{module}.{name}"
                    self._bind_import(node, name, origin, is_certain=is_certain)
            else:
                self.names.doubt_all()

    def _bind_import(self, node: ast.stmt, name: str, origin: str, *, is_certain: bool) -> None:
        self.names.bind_import(name, origin, is_certain=is_certain)
        self._rebind(name, node.lineno)

    def _other(self, node: ast.AST, *, is_certain: bool) -> None:
        """Read assignments, expressions and blocks."""
        for expression in _expressions(node):
            self._expression(expression, node)
        for target in _targets(node):
            self._bind(target, node, is_certain=is_certain)
        for block in _BLOCKS:
            self.read(getattr(node, block, ()), is_certain=False)

    def _bind(self, target: ast.expr, node: ast.AST, *, is_certain: bool) -> None:
        if isinstance(target, ast.Name):
            value = node.value if isinstance(node, (ast.Assign, ast.AnnAssign)) else None
            if not isinstance(node, ast.AnnAssign) or value is not None:
                self.names.bind(target.id, value, is_certain=is_certain)
                self._rebind(target.id, target.lineno)
        elif isinstance(target, _TARGETS):
            for each in target.elts:
                self._bind(each, ast.Pass(), is_certain=is_certain)
        elif isinstance(target, _STORING):
            self._doubt(target)

    def _doubt(self, target: ast.expr) -> None:
        """A value was changed in place: `TAGS[0] = "x"`, `TAGS.append("x")`."""
        while isinstance(target, _STORING):
            target = target.value
        if isinstance(target, ast.Name):
            self.names.doubt(target.id)

    def _expression(self, expression: ast.expr, statement: ast.AST) -> None:
        if isinstance(expression, ast.Constant) or self.names.origin(expression) in MARKS:
            return  # a plain alias is bound as such
        for node in ast.walk(expression):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                self._doubt(node.func)
            if isinstance(node, ast.Call) and self._applies_task(node):
                line = node.lineno
                self._compute(line, f"line {line} makes tasks by calling a function")
            elif isinstance(node, (ast.Name, ast.Attribute)) and self.names.origin(node) in MARKS:
                self._tainted.update(
                    each.id for each in _targets(statement) if isinstance(each, ast.Name)
                )

    def _applies_task(self, node: ast.Call) -> bool:
        """Tell whether a call marks a function: `task(f)`, `task(tags=...)(f)`, `make_task()`."""
        if isinstance(node.func, ast.Call):
            return self.names.origin(node.func.func) in TASK
        if self.names.origin(node.func) in TASK:
            return bool(node.args)
        return self._makes_task(node)

    def _makes_task(self, decorator: ast.expr) -> bool:
        """Tell whether a decorator comes from this file and uses one of ours."""
        target = decorator.func if isinstance(decorator, ast.Call) else decorator
        if not isinstance(target, ast.Name):
            return False
        if target.id in self._tainted:
            return True
        function = self.names.functions.get(target.id)
        if function is None:
            return False
        if target.id not in self._makers:
            self._makers[target.id] = any(
                self.names.origin(node) in MARKS
                for statement in function.body
                for node in ast.walk(statement)
                if isinstance(node, (ast.Name, ast.Attribute))
            )
        return self._makers[target.id]

    def _compute(self, line: int, what: str) -> None:
        self.outline.computed.append(Computed(line=line, what=what))


def _is_main_guard(node: ast.AST) -> bool:
    """Tell whether a statement is `if __name__ == "__main__":`, which no import runs."""
    if not isinstance(node, ast.If) or not isinstance(node.test, ast.Compare):
        return False
    left, is_equal = node.test.left, isinstance(node.test.ops[0], ast.Eq)
    is_name = isinstance(left, ast.Name) and left.id == "__name__"
    return is_name and is_equal and not node.orelse


def _targets(node: ast.AST) -> list[ast.expr]:
    if isinstance(node, (ast.Assign, ast.Delete)):
        return node.targets
    if isinstance(node, (ast.AnnAssign, ast.AugAssign, ast.For)):
        return [node.target]
    if isinstance(node, ast.With):
        return [each.optional_vars for each in node.items if each.optional_vars is not None]
    return []


def _expressions(node: ast.AST) -> Iterator[ast.expr]:
    if isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Expr)) and node.value:
        yield node.value
    elif isinstance(node, ast.For):
        yield node.iter
