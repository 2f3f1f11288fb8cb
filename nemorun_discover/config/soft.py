"""Tables whose references may stay open: what is listed does not need what only a run needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nemorun_discover.config.references import UnsetVariable, has_reference, resolve
from nemorun_discover.config.tree import Leaf, Node, Tree, leaves

if TYPE_CHECKING:
    from nemorun_discover.config.load import Config


def softened(table: Tree, config: Config) -> Tree:
    """The table with references to variables that are not set as plain text, or gone where text is no value."""
    soft: Tree = {}
    for key, node in table.items():
        if key == "params" or not is_unset(node, config):
            soft[key] = node
        elif key not in ("timeout", "retries"):
            soft[key] = _escaped(node)
    return soft


def is_unset(node: Node, config: Config) -> bool:
    """True when a value at or below the node refers to a variable that is not set."""
    return any(_is_unset(leaf, config) for _, leaf in leaves(node))


def _is_unset(leaf: Leaf, config: Config) -> bool:
    if not has_reference(leaf.value):
        return False
    try:
        resolve(leaf.value, config.env, "")
    except UnsetVariable:
        return True
    return False


def _escaped(node: Node) -> Node:
    if isinstance(node, dict):
        return {key: _escaped(child) for key, child in node.items()}
    return Leaf(value=_escape(node.value), origin=node.origin)


def _escape(value: Any) -> Any:  # noqa: ANN401 - a TOML value
    if isinstance(value, str):
        return value.replace("${env:", "$${env:")
    return [_escape(item) for item in value] if isinstance(value, list) else value
