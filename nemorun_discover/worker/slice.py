"""Of the script that launched a job, only what its task needs: the rest of it must not run again.

The statements at the top level that bind a name the task uses, directly or not, or that fill its value
(`SETTINGS["lr"] = 1`), are run; what only does something (`run.run(...)`, `main()`, `if __name__ == ...`,
`os.environ["A"] = "1"`) is not.
"""

from __future__ import annotations

import ast
import builtins
import dis
import importlib.util
import sys
from importlib.machinery import SourceFileLoader

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from types import CodeType, ModuleType

_READS = ("LOAD_NAME", "LOAD_GLOBAL", "LOAD_FROM_DICT_OR_GLOBALS")
_WRITES = ("STORE_NAME", "STORE_GLOBAL")


class MissingName(LookupError):
    """A name that the task needs is bound nowhere that a job would run.

    Args:
        name: Which.
        line: Where in `if __name__ == ...` it is bound; None when it is bound nowhere.
    """

    def __init__(self, name: str, line: int | None) -> None:
        super().__init__(name)
        self.name = name
        self.line = line


def load_slice(file: Path, module: str, names: Iterable[str]) -> ModuleType:
    """A module of what these names of a script need.

    Args:
        file: The script.
        module: What the module is called.
        names: What is wanted of it.

    Raises:
        MissingName: One of them is not bound at the script's top level.
        Exception: Whatever running those statements raises.
    """
    code = compile(
        slice_of(file.read_bytes(), names, str(file)), str(file), "exec", dont_inherit=True
    )
    loader = SourceFileLoader(module, str(file))  # for scripts without `.py` too
    spec = importlib.util.spec_from_file_location(module, file, loader=loader)
    if spec is None:
        raise ImportError(f"{file} cannot be imported as Python")
    made = importlib.util.module_from_spec(spec)
    sys.modules[module] = made
    exec(code, made.__dict__)  # noqa: S102 - the task's own code
    return made


def slice_of(source: bytes, names: Iterable[str], filename: str) -> ast.Module:
    """The statements that these names need, in their order, each at its own line.

    Raises:
        MissingName: A name is not bound at the top level, or one that is needed is bound only under
            `if __name__ == ...`.
        SyntaxError: It is no Python.
    """
    tree = ast.parse(source, filename)
    statements = [_Statement(node) for node in tree.body if not _is_main_guard(node)]
    imported = {name for one in statements if one.is_import for name in one.binds}
    for one in statements:
        one.binds |= set(_changed(one.node)) - imported
    wanted = {one for name in names for one in _needs(name, statements, tree)}
    kept = [one.narrowed(wanted) for one in statements if one.is_always_kept or one.binds & wanted]
    return ast.Module(body=kept, type_ignores=[])


class _Statement:
    """A statement of the top level: what it binds, and what it uses."""

    def __init__(self, node: ast.stmt) -> None:
        self.node = node
        alone = ast.Module(body=[node], type_ignores=[])
        code = compile(alone, "<statement>", "exec", dont_inherit=True)
        self.is_import = isinstance(node, (ast.Import, ast.ImportFrom))
        self.is_always_kept = _is_future(node) or _is_star(node)
        self.binds = _names(code, _WRITES)
        self.uses = {*_annotated(node)}
        for one in _with_inner(code):
            self.uses |= _names(one, _READS)

    def narrowed(self, wanted: set[str]) -> ast.stmt:
        """The statement; an import without the names nobody wants, which may not be there in the job."""
        if self.is_always_kept or not isinstance(self.node, (ast.Import, ast.ImportFrom)):
            return self.node
        self.node.names = [
            alias
            for alias in self.node.names
            if (alias.asname or alias.name.partition(".")[0]) in wanted
        ]
        return self.node


def _needs(name: str, statements: list[_Statement], tree: ast.Module) -> set[str]:
    """The name and all names of the script that it needs, directly or not."""
    has_star = any(_is_star(one.node) for one in statements)
    guarded = _bound_under_guards(tree)
    found: set[str] = set()
    waiting = [name]
    while waiting:
        one = waiting.pop()
        if one in found:
            continue
        binding = [statement for statement in statements if one in statement.binds]
        is_expected = one == name or (one in guarded and not hasattr(builtins, one))
        if is_expected and not binding and not has_star:
            raise MissingName(one, guarded.get(one))
        found.add(one)
        waiting += [used for statement in binding for used in statement.uses]
    return found


def _bound_under_guards(tree: ast.Module) -> dict[str, int]:
    guards = [_Statement(node) for node in tree.body if _is_main_guard(node)]
    return {name: guard.node.lineno for guard in guards for name in guard.binds}


def _is_main_guard(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and any(
        isinstance(one, ast.Compare) and "__name__" in _loaded(one) for one in ast.walk(node.test)
    )


def _is_future(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"


def _is_star(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and node.names[0].name == "*"


def _changed(node: ast.stmt) -> Iterator[str]:
    """Names whose content an assignment changes: `SETTINGS` in `SETTINGS["lr"] = 1`."""
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    for target in targets:
        root = target
        while isinstance(root, (ast.Subscript, ast.Attribute)):
            root = root.value
        if root is not target and isinstance(root, ast.Name):
            yield root.id


def _annotated(node: ast.stmt) -> Iterator[str]:
    """Names in annotations that are written as text, which no compiled code tells."""
    for one in ast.walk(node):
        for annotation in (getattr(one, "annotation", None), getattr(one, "returns", None)):
            if isinstance(annotation, ast.AST):
                yield from _in_text(annotation)


def _in_text(annotation: ast.AST) -> Iterator[str]:
    for one in ast.walk(annotation):
        if isinstance(one, ast.Constant) and isinstance(one.value, str):
            try:
                yield from _loaded(ast.parse(one.value, mode="eval"))
            except SyntaxError:  # the text of a Literal
                continue


def _loaded(node: ast.AST) -> set[str]:
    return {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}


def _with_inner(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if hasattr(constant, "co_consts"):
            yield from _with_inner(constant)


def _names(code: CodeType, operations: tuple[str, ...]) -> set[str]:
    return {str(one.argval) for one in dis.get_instructions(code) if one.opname in operations}
