"""What the names of a module stand for, as far as its top-level statements tell."""

from __future__ import annotations

import ast
import builtins

_BUILTINS = frozenset(dir(builtins))
_HOMES = ("nemorun", "nemorun_discover", "nemorun_discover.discovery.decorator")
TASK = frozenset(f"{home}.task" for home in _HOMES)
PARAMETRIZE = frozenset(f"{home}.parametrize" for home in _HOMES)
MARKS = TASK | PARAMETRIZE

Function = ast.FunctionDef | ast.AsyncFunctionDef


class Names:
    """A module's names; filled statement by statement, in order."""

    def __init__(self) -> None:
        self._bound: set[str] = set()
        self._origins: dict[str, str] = {}
        self._values: dict[str, ast.expr] = {}
        self.functions: dict[str, Function] = {}
        self.classes: dict[str, ast.ClassDef] = {}

    def origin(self, node: ast.expr) -> str | None:
        """Return the dotted name a name or attribute stands for: `nemorun.task`, `builtins.int`."""
        if isinstance(node, ast.Attribute):
            base = self.origin(node.value)
            return None if base is None else f"{base}.{node.attr}"
        if not isinstance(node, ast.Name):
            return None
        if node.id in self._bound:
            return self._origins.get(node.id)
        return f"builtins.{node.id}" if node.id in _BUILTINS else None

    def value(self, name: str) -> ast.expr | None:
        """Return the expression a name is bound to; None unless that happens exactly once."""
        return self._values.get(name)

    def bind(self, name: str, value: ast.expr | None = None, *, is_certain: bool) -> None:
        """Take note of an assignment; without `value` it is to something unknown.

        One that may not happen (under `if`, `try`) makes the name's value unknown, but leaves what an
        earlier import bound: `try: import nemorun` / `except ImportError: nemorun = None`.
        """
        if name in self._bound:
            self._values.pop(name, None)
            if is_certain:
                self._forget(name)
        elif is_certain and value is not None:
            self._values[name] = value
        self._bound.add(name)
        origin = self.origin(value) if is_certain and value is not None else None
        if origin is not None:
            self._origins[name] = origin

    def bind_import(self, name: str, origin: str, *, is_certain: bool) -> None:
        """Take note of an import; of two that may not happen the first counts."""
        self.bind(name, is_certain=is_certain)
        if is_certain or name not in self._origins:
            self._origins[name] = origin

    def bind_definition(self, node: Function | ast.ClassDef, *, is_certain: bool) -> None:
        """Take note of a `def` or a `class`."""
        self.bind(node.name, is_certain=is_certain)
        if not is_certain:
            return
        if isinstance(node, ast.ClassDef):
            self.classes[node.name] = node
        else:
            self.functions[node.name] = node

    def doubt(self, name: str) -> None:
        """Take note that a value may have been changed in place."""
        self._values.pop(name, None)

    def doubt_all(self) -> None:
        """Take note that any value bound so far may have been replaced (`from x import *`)."""
        self._values.clear()

    def _forget(self, name: str) -> None:
        self._origins.pop(name, None)
        self.functions.pop(name, None)
        self.classes.pop(name, None)
