"""An annotation as a TypeSpec, from the syntax tree alone."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from nemorun_discover.discovery.classes import dataclass_fields, enum_members
from nemorun_discover.discovery.literals import NotStaticError, Unwritable, evaluate, to_json
from nemorun_discover.model.task import ANY, TypeKind, TypeSpec

if TYPE_CHECKING:
    from nemorun_discover.discovery.scope import Names
    from nemorun_discover.discovery.source import Source

_SIMPLE = {
    "builtins.int": TypeKind.INT,
    "builtins.float": TypeKind.FLOAT,
    "builtins.bool": TypeKind.BOOL,
    "builtins.str": TypeKind.STR,
    "builtins.object": TypeKind.ANY,
    "types.NoneType": TypeKind.NONE,
    "pathlib.Path": TypeKind.PATH,
    "pathlib.PurePath": TypeKind.PATH,
    "pathlib.PosixPath": TypeKind.PATH,
    "typing.Any": TypeKind.ANY,
    "typing.Text": TypeKind.STR,
}
_LISTS = ("List", "Sequence", "MutableSequence", "Iterable", "Collection")
_DICTS = ("Dict", "Mapping", "MutableMapping")
_CONTAINERS = {
    "builtins.list": TypeKind.LIST,
    "builtins.tuple": TypeKind.TUPLE,
    "builtins.dict": TypeKind.DICT,
    "typing.Tuple": TypeKind.TUPLE,
    **{
        f"{home}.{name}": TypeKind.LIST for home in ("typing", "collections.abc") for name in _LISTS
    },
    **{
        f"{home}.{name}": TypeKind.DICT for home in ("typing", "collections.abc") for name in _DICTS
    },
}
_WRAPPERS = ("typing.Annotated", "typing.Final", "dataclasses.InitVar", "typing.Required")


class Annotations:
    """Reads the annotations of one module; each text once."""

    def __init__(self, source: Source, names: Names) -> None:
        self._source = source
        self._names = names
        self._known: dict[str, TypeSpec] = {}
        self._open: set[str] = set()

    def read(self, node: ast.expr | None) -> TypeSpec:
        """Return the type an annotation names; ANY when there is none."""
        if node is None:
            return ANY
        text = node.id if isinstance(node, ast.Name) else self._source.segment(node)
        if text not in self._known:
            self._known[text] = self._read(node, text)
        return self._known[text]

    def _read(self, node: ast.expr, text: str) -> TypeSpec:
        """Read a node whose text is known (inside a string its columns mean nothing)."""
        if isinstance(node, ast.Constant):
            return self._constant(node, text)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            return _union(text, [self._part(node.left), self._part(node.right)])
        if isinstance(node, ast.Subscript):
            return self._subscript(node, text)
        origin = self._origin(node)
        if origin in _SIMPLE:
            return TypeSpec(kind=_SIMPLE[origin], text=text)
        if origin in _CONTAINERS:
            return TypeSpec(kind=_CONTAINERS[origin], text=text)
        return self._local(node, text)

    def _part(self, node: ast.expr) -> TypeSpec:
        return self._read(node, ast.unparse(node))

    def _origin(self, node: ast.expr) -> str:
        return (self._names.origin(node) or "").replace("typing_extensions.", "typing.")

    def _constant(self, node: ast.Constant, text: str) -> TypeSpec:
        if node.value is None:
            return TypeSpec(kind=TypeKind.NONE, text=text)
        if not isinstance(node.value, str):
            return TypeSpec(kind=TypeKind.UNKNOWN, text=text)
        try:
            quoted = ast.parse(node.value.strip(), mode="eval").body
        except (SyntaxError, ValueError):
            return TypeSpec(kind=TypeKind.UNKNOWN, text=text)
        return self._read(quoted, node.value.strip())

    def _subscript(self, node: ast.Subscript, text: str) -> TypeSpec:
        origin = self._origin(node.value)
        items = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if origin in _WRAPPERS and items:
            return self._part(items[0])
        if origin == "typing.Optional" and len(items) == 1:
            return _union(text, [self._part(items[0]), TypeSpec(kind=TypeKind.NONE, text="None")])
        if origin == "typing.Union":
            return _union(text, [self._part(item) for item in items])
        if origin == "typing.Literal":
            return self._literal(items, text)
        if origin in _CONTAINERS:
            return self._container(_CONTAINERS[origin], items, text)
        return TypeSpec(kind=TypeKind.UNKNOWN, text=text)

    def _container(self, kind: TypeKind, items: list[ast.expr], text: str) -> TypeSpec:
        last = items[-1] if items else None
        if kind is TypeKind.TUPLE and isinstance(last, ast.Constant) and last.value is ...:
            # `tuple[int, ...]` is, as JSON, a list of int.
            return TypeSpec(kind=TypeKind.LIST, text=text, args=(self._part(items[0]),))
        return TypeSpec(kind=kind, text=text, args=tuple(self._part(item) for item in items))

    def _literal(self, items: list[ast.expr], text: str) -> TypeSpec:
        try:
            values = tuple(to_json(evaluate(item, self._names)) for item in items)
        except (NotStaticError, Unwritable):
            values = ()
        is_scalar = all(not isinstance(value, (list, dict)) for value in values)
        if not values or not is_scalar:
            return TypeSpec(kind=TypeKind.UNKNOWN, text=text)
        return TypeSpec(kind=TypeKind.LITERAL, text=text, values=values)

    def _local(self, node: ast.expr, text: str) -> TypeSpec:
        """Read the name of a class, or of an alias, of this file."""
        unknown = TypeSpec(kind=TypeKind.UNKNOWN, text=text)
        if not isinstance(node, ast.Name) or node.id in self._open:
            return unknown
        self._open.add(node.id)
        try:
            return self._class(node.id, text) or self._alias(node.id, text) or unknown
        finally:
            self._open.discard(node.id)

    def _alias(self, name: str, text: str) -> TypeSpec | None:
        value = self._names.value(name)
        return None if value is None else self._read(value, text)

    def _class(self, name: str, text: str) -> TypeSpec | None:
        node = self._names.classes.get(name)
        if node is None:
            return None
        members = enum_members(node, self._names)
        if members is not None:
            return TypeSpec(kind=TypeKind.ENUM, text=text, values=members)
        fields = dataclass_fields(node, self._names)
        if fields is None:
            return None
        types = tuple((each.name, self._part(each.annotation), each.has_default) for each in fields)
        return TypeSpec(kind=TypeKind.DATACLASS, text=text, fields=types)


def _union(text: str, members: list[TypeSpec]) -> TypeSpec:
    flat: list[TypeSpec] = []
    for member in members:
        for each in member.args if member.kind is TypeKind.UNION else (member,):
            if each not in flat:
                flat.append(each)
    return TypeSpec(kind=TypeKind.UNION, text=text, args=tuple(flat))
