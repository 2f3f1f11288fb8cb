"""The parameters of a script task: names, defaults, and types as the values show them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from nemorun_discover.config.check import Checker
from nemorun_discover.config.convert import as_json
from nemorun_discover.config.soft import is_unset
from nemorun_discover.config.tree import Leaf, Node, Origin, place_of
from nemorun_discover.errors import ConfigError
from nemorun_discover.model.task import ANY, MISSING, Parameter, TypeKind, TypeSpec

if TYPE_CHECKING:
    from nemorun_discover.config.load import Config
    from nemorun_discover.model.task import Json

_PARAMETER = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_TEXT = TypeSpec(kind=TypeKind.STR, text="str")
_KINDS = {
    bool: TypeSpec(kind=TypeKind.BOOL, text="bool"),
    int: TypeSpec(kind=TypeKind.INT, text="int"),
    float: TypeSpec(kind=TypeKind.FLOAT, text="float"),
    str: _TEXT,
}


def read_parameters(node: Node | None, config: Config, origin: Origin) -> tuple[Parameter, ...]:
    """The parameters that a task's `params` declare; one whose default is not known has none.

    Raises:
        ConfigError: A name that is no name, or a value that JSON cannot hold.
    """
    if node is None:
        return ()
    if isinstance(node, Leaf):
        raise ConfigError(f"{place_of('params', node, origin)}: expected a table")
    parameters = []
    for name, child in node.items():
        place = place_of(name, child, origin)
        if not _PARAMETER.fullmatch(name):
            raise ConfigError(
                f"{place}: {name!r} cannot be the name of a parameter",
                hint="use letters, digits, _ and -",
            )
        if is_unset(child, config):
            parameters.append(Parameter(name=name, type=_TEXT, default=MISSING))
            continue
        value = Checker(config.env).plain(child, Any, place, key=name)
        spec = _type_of(value)
        parameters.append(
            Parameter(name=name, type=spec, default=as_json(value, place), default_text=repr(value))
        )
    return tuple(parameters)


def _type_of(value: Json) -> TypeSpec:
    """The type that a value of TOML shows."""
    if isinstance(value, list):
        item = _common(value)
        return TypeSpec(kind=TypeKind.LIST, text=f"list[{item.text}]", args=(item,))
    if isinstance(value, dict):
        item = _common(list(value.values()))
        text = f"dict[str, {item.text}]"
        return TypeSpec(kind=TypeKind.DICT, text=text, args=(_TEXT, item))
    return _KINDS.get(type(value), ANY)


def _common(values: list[Json]) -> TypeSpec:
    """The type that all values share; a whole number among others is a number."""
    types = [_type_of(value) for value in values]
    if types and all(one == types[0] for one in types):
        return types[0]
    if types and all(one.kind in (TypeKind.INT, TypeKind.FLOAT) for one in types):
        return _KINDS[float]
    return ANY
