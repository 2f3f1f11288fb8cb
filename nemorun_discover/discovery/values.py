"""Values that are JSON already: whether they are of a type, can be sent, and equal each other."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

from nemorun_discover.discovery.names import did_you_mean, shortened
from nemorun_discover.discovery.scalars import Mismatch, member_named, mismatch, read_scalar
from nemorun_discover.errors import UsageError
from nemorun_discover.model.task import ANY, MISSING, TypeKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from nemorun_discover.model.task import Json, TypeSpec

# A union's members are tried in this order: the narrower a type, the earlier.
_UNION_ORDER = (
    TypeKind.NONE,
    TypeKind.LITERAL,
    TypeKind.INT,
    TypeKind.FLOAT,
    TypeKind.BOOL,
    TypeKind.ENUM,
    TypeKind.LIST,
    TypeKind.TUPLE,
    TypeKind.DICT,
    TypeKind.DATACLASS,
    TypeKind.PATH,
    TypeKind.STR,
    TypeKind.ANY,
    TypeKind.UNKNOWN,
)


def check_json(value: Json, spec: TypeSpec, *, name: str, where: str) -> Json:
    """The value in the form in which it is sent: a float for a float, a list for a tuple.

    Args:
        value: From a TOML file or a `parametrize`.
        spec: ANY and UNKNOWN take every value.
        name: Of the parameter, for the message.
        where: The task and the place the value comes from, for the message.

    Raises:
        UsageError: It is not of the type, or cannot be sent.
    """
    try:
        return sendable(fit(value, spec))
    except Mismatch as error:
        raise UsageError(f"{name}: {error} ({where})") from error


def fit(value: Json, spec: TypeSpec) -> Json:
    """The same without place.

    Raises:
        Mismatch: It is not of the type.
    """
    return _FITS.get(spec.kind, _fit_scalar)(value, spec)


def sendable(value: Json) -> Json:
    """The value itself, when JSON and UTF-8 can carry it and no script's environment would break on it.

    Raises:
        Mismatch: It holds a NUL, text that is not UTF-8, inf or nan.
    """
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            waiting += [*one, *one.values()]
        elif isinstance(one, list | tuple):
            waiting += one
        elif isinstance(one, str):
            _check_text(one)
        elif isinstance(one, float) and not math.isfinite(one):
            raise Mismatch(f"{one} is not a number that JSON can hold")
    return value


def canonical(value: Json) -> str:
    """A text that two values share exactly when they are equal as JSON: 1 and 1.0 are, 1 and true are not."""
    return json.dumps(_without_integral_floats(value), sort_keys=True)


def union_members(spec: TypeSpec) -> list[TypeSpec]:
    """The members in the order in which they are tried."""
    return sorted(spec.args, key=lambda member: _UNION_ORDER.index(member.kind))


def item_types(spec: TypeSpec, length: int, value: object) -> Iterable[TypeSpec]:
    """One type per item of a list, or of a tuple of this length.

    Raises:
        Mismatch: A tuple has another length.
    """
    if spec.kind is TypeKind.LIST or not spec.args:
        return [spec.args[0] if spec.args else ANY] * length
    if len(spec.args) != length:
        raise mismatch(value, spec, f": it has {length} items")
    return spec.args


def fields_of(given: Iterable[str], spec: TypeSpec) -> dict[str, TypeSpec]:
    """The types of a dataclass's fields, by name.

    Raises:
        Mismatch: A given field does not exist, or one without a default is not given.
    """
    fields = {name: field for name, field, _ in spec.fields}
    given = list(given)
    for name in given:
        if name not in fields:
            raise Mismatch(
                f"{spec.text} has no field {shortened(name)}{did_you_mean(name, fields)}"
            )
    for name, field, has_default in spec.fields:
        if not has_default and name not in given:
            raise Mismatch(f"{spec.text} needs a value for {name} ({field.text})")
    return fields


def key_text(key: str, spec: TypeSpec) -> str:
    """A dictionary's key as JSON has it, when its text is of the type.

    Raises:
        Mismatch: It is not.
    """
    if spec.kind in (TypeKind.ANY, TypeKind.UNKNOWN):
        return key
    value = read_scalar(key, spec)
    return value if isinstance(value, str) else json.dumps(value)


def _check_text(text: str) -> None:
    if "\0" in text:
        raise Mismatch(f"{shortened(text)} holds a NUL character, which cannot be sent")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise Mismatch(f"{shortened(text)} is not valid UTF-8") from error


def _without_integral_floats(value: Json) -> Json:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: _without_integral_floats(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_without_integral_floats(one) for one in value]
    return value


def _fit_scalar(value: Json, spec: TypeSpec) -> Json:
    is_right = {
        TypeKind.INT: type(value) is int,
        TypeKind.BOOL: type(value) is bool,
        TypeKind.STR: isinstance(value, str),
        TypeKind.PATH: isinstance(value, str),
        TypeKind.NONE: value is None,
    }
    if not is_right.get(spec.kind, True):
        raise mismatch(value, spec)
    return value


def _fit_float(value: Json, spec: TypeSpec) -> float:
    if type(value) not in (int, float):
        raise mismatch(value, spec)
    try:
        return float(value)
    except OverflowError as error:
        raise mismatch(value, spec) from error


def _fit_enum(value: Json, spec: TypeSpec) -> str:
    name = member_named(value, map(str, spec.values)) if isinstance(value, str) else MISSING
    if name is MISSING:
        raise mismatch(value, spec)
    return name


def _fit_literal(value: Json, spec: TypeSpec) -> Json:
    if not any(value == one and type(value) is type(one) for one in spec.values):
        raise mismatch(value, spec)
    return value


def _fit_list(value: Json, spec: TypeSpec) -> list[Json]:
    if not isinstance(value, list | tuple):
        raise mismatch(value, spec)
    return [
        fit(one, item) for one, item in zip(value, item_types(spec, len(value), value), strict=True)
    ]


def _fit_dict(value: Json, spec: TypeSpec) -> dict[str, Json]:
    if not isinstance(value, dict):
        raise mismatch(value, spec)
    keys, values = spec.args or (ANY, ANY)
    return {key_text(key, keys): fit(one, values) for key, one in value.items()}


def _fit_dataclass(value: Json, spec: TypeSpec) -> dict[str, Json]:
    if not isinstance(value, dict):
        raise mismatch(value, spec)
    fields = fields_of(value, spec)
    return {name: fit(one, fields[name]) for name, one in value.items()}


def _fit_union(value: Json, spec: TypeSpec) -> Json:
    return first_that_fits(spec, lambda member: fit(value, member), value)


def first_that_fits(spec: TypeSpec, read: Callable[[TypeSpec], Json], value: object) -> Json:
    """What `read` makes of the first member of a union that it can be read as.

    Raises:
        Mismatch: None of them; with one member beside None, its own finding.
    """
    for member in union_members(spec):
        try:
            return read(member)
        except Mismatch:
            continue
    others = [member for member in spec.args if member.kind is not TypeKind.NONE]
    if len(others) == 1 and others[0].kind in (TypeKind.DATACLASS, TypeKind.LIST, TypeKind.DICT):
        return read(others[0])
    raise mismatch(value, spec)


_FITS: dict[TypeKind, Callable[[Json, TypeSpec], Json]] = {
    TypeKind.FLOAT: _fit_float,
    TypeKind.ENUM: _fit_enum,
    TypeKind.LITERAL: _fit_literal,
    TypeKind.LIST: _fit_list,
    TypeKind.TUPLE: _fit_list,
    TypeKind.DICT: _fit_dict,
    TypeKind.DATACLASS: _fit_dataclass,
    TypeKind.UNION: _fit_union,
}
