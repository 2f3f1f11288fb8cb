"""A configuration as a tree in which every value remembers where it was written."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from nemorun_discover.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from nemorun_discover.model.task import Json

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """Where a value was written.

    Attributes:
        source: The file as messages show it; or "default", "environment" or "-o".
        table: The keys that lead to the table of the file; none at its top.
        argument: The variable's name, or the dotted key, for "environment" and "-o".
    """

    source: str
    table: tuple[str, ...] = ()
    argument: str = ""

    def at(self, key: str) -> str:
        """The place of a key, as a message begins: `nemorun.toml: [profiles.a] nodes`."""
        if self.argument:
            return f"{self.source} {self.argument}"
        table = f"[{dotted(self.table)}] " if self.table else ""
        return f"{self.source}: {table}{key}"

    def __str__(self) -> str:
        if self.argument:
            return f"{self.source} {self.argument}" if self.source == "environment" else self.source
        return f"{self.source} [{dotted(self.table)}]" if self.table else self.source


@dataclass(frozen=True, kw_only=True, slots=True)
class Loose:
    """A value that came as text, so that the type of the field decides what it is.

    Attributes:
        natural: What the text reads as by itself.
        text: The text as it came.
        shown: A reference as it is written, which messages name beside the value; else empty.
    """

    natural: Json
    text: Json
    shown: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Leaf:
    """A value and where it was written."""

    value: Any
    origin: Origin


Tree: TypeAlias = "dict[str, Leaf | Tree]"
Node: TypeAlias = "Leaf | Tree"

DEFAULT = Origin(source="default")


def plant(data: Mapping[str, Any], source: str, table: tuple[str, ...] = ()) -> Tree:
    """The tree of a parsed file, or of a table in it.

    Raises:
        ConfigError: Text with a NUL character, which no argument and no variable can carry.
    """
    tree: Tree = {}
    origin = Origin(source=source, table=table)
    for key, value in data.items():
        if isinstance(value, dict):
            tree[key] = plant(value, source, (*table, key))
            continue
        if _has_nul(key) or _has_nul(value):
            raise ConfigError(f"{origin.at(key)}: the text holds a NUL character", hint="remove it")
        tree[key] = Leaf(value=value, origin=origin)
    return tree


def dotted(keys: Iterable[str]) -> str:
    """The keys as TOML writes them: joined by dots, quoted where it wants quotes."""
    return ".".join(key if _BARE_KEY.fullmatch(key) else _quoted(key) for key in keys)


def merge(base: Tree, over: Tree) -> Tree:
    """Both trees, key by key, `over` winning; neither is changed.

    A table that names another `kind` than the one below replaces it as a whole: the fields of one
    kind mean nothing to another.
    """
    merged = dict(base)
    for key, node in over.items():
        below = merged.get(key)
        if isinstance(below, dict) and isinstance(node, dict) and not _changes_kind(below, node):
            merged[key] = merge(below, node)
        else:
            merged[key] = node
    return merged


def leaves(node: Node, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Leaf]]:
    """Every value below a node, with the keys that lead to it."""
    if isinstance(node, Leaf):
        yield path, node
        return
    for key, child in node.items():
        yield from leaves(child, (*path, key))


def origin_of(node: Node | None, otherwise: Origin = DEFAULT) -> Origin:
    """Where the node's first value was written; `otherwise` when there is none."""
    if node is None:
        return otherwise
    return next((leaf.origin for _, leaf in leaves(node)), otherwise)


def place_of(key: str, node: Node, otherwise: Origin = DEFAULT) -> str:
    """How a message names the node under this key; `otherwise` places an empty table."""
    for path, leaf in leaves(node):
        origin = leaf.origin
        # A table is named by the table it stands in, which is not the one its values stand in.
        above = origin.table[: len(origin.table) - len(path)] if path else origin.table
        return replace(origin, table=above).at(key)
    return otherwise.at(key)


def _changes_kind(below: Tree, over: Tree) -> bool:
    old, new = below.get("kind"), over.get("kind")
    return isinstance(old, Leaf) and isinstance(new, Leaf) and old.value != new.value


def _quoted(key: str) -> str:
    return '"' + key.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _has_nul(value: object) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, list):
        return any(_has_nul(item) for item in value)
    if isinstance(value, dict):
        return any(_has_nul(key) or _has_nul(item) for key, item in value.items())
    return False
