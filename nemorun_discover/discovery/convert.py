"""Text from the command line to a JSON value, by the parameter's annotation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nemorun_discover.discovery.brackets import (
    Malformed,
    items,
    split,
    split_sweep,
    unbracket,
    unquote,
    unquote_item,
)
from nemorun_discover.discovery.names import shortened
from nemorun_discover.discovery.scalars import Mismatch, mismatch, read_scalar
from nemorun_discover.discovery.untyped import read_untyped
from nemorun_discover.discovery.values import (
    fields_of,
    first_that_fits,
    fit,
    item_types,
    key_text,
    sendable,
)
from nemorun_discover.errors import UsageError
from nemorun_discover.model.task import ANY, TypeKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from nemorun_discover.model.task import Json, TypeSpec


def convert(text: str, spec: TypeSpec, *, name: str, task: str) -> Json:
    """The value that the text means, as JSON.

    Text stays byte for byte what it is, save that quotes around all of it are taken off. Lists and tuples
    are `[…]` or `(…)`, dictionaries and dataclasses `{key: value}`; what is text inside them may stand bare,
    or quoted with JSON's escapes. A path keeps its `~`.

    Args:
        text: One value; a sweep was split before.
        spec: The parameter's annotation.
        name: Of the parameter, for the message.
        task: For the message.

    Raises:
        UsageError: `lr: 'abc' is not a float (task train)`.
    """
    try:
        return sendable(_read(text, spec))
    except (Mismatch, Malformed) as error:
        inside = "" if shortened(text) in str(error) else f", in {shortened(text)}"
        hint = _list_hint(name, spec)
        raise UsageError(f"{name}: {error}{inside} (task {task})", hint=hint) from error


def split_values(text: str, *, name: str) -> list[str]:
    """The values of a sweep, still as text; one when there is no comma at top level.

    Raises:
        UsageError: A value of several is empty, or quotes or brackets that hold a comma are not closed.
    """
    quoting = f"quotes keep a comma in one value: {name}='\"a,b\"'"
    try:
        pieces = split_sweep(text)
    except Malformed as error:
        raise UsageError(f"{name}: {error}, in {shortened(text)}", hint=quoting) from error
    if len(pieces) > 1 and "" in pieces:
        raise UsageError(
            f"{name}: value {pieces.index('') + 1} of the list {shortened(text)} is empty",
            hint=quoting,
        )
    return pieces


def _list_hint(name: str, spec: TypeSpec) -> str | None:
    if spec.kind in (TypeKind.LIST, TypeKind.TUPLE):
        return f"write a list in brackets: {name}='[a,b]'"
    if spec.kind in (TypeKind.DICT, TypeKind.DATACLASS):
        return f"write it in braces: {name}='{{key: value}}'"
    return None


def _read(text: str, spec: TypeSpec) -> Json:
    quoted = unquote(text)
    return _read_bare(text, spec) if quoted is None else fit(quoted, spec)


def _read_item(text: str, spec: TypeSpec) -> Json:
    """A value inside brackets, where quotes have escapes."""
    quoted = unquote_item(text)
    return _read_bare(text, spec) if quoted is None else fit(quoted, spec)


def _read_bare(text: str, spec: TypeSpec) -> Json:
    reader = _READERS.get(spec.kind)
    return read_scalar(text, spec) if reader is None else reader(text, spec)


def _read_list(text: str, spec: TypeSpec) -> list[Json]:
    inner = unbracket(text, "[(")
    if inner is None:
        raise mismatch(text, spec)
    pieces = items(inner)
    types = item_types(spec, len(pieces), text)
    return [_read_item(piece, item) for piece, item in zip(pieces, types, strict=True)]


def _read_dict(text: str, spec: TypeSpec) -> dict[str, Json]:
    keys, values = spec.args or (ANY, ANY)
    return {
        key_text(key, keys): _read_item(value, values) for key, value in _pairs(text, spec).items()
    }


def _read_dataclass(text: str, spec: TypeSpec) -> dict[str, Json]:
    pairs = _pairs(text, spec)
    fields = fields_of(pairs, spec)
    return {name: _read_item(value, fields[name]) for name, value in pairs.items()}


def _read_union(text: str, spec: TypeSpec) -> Json:
    return first_that_fits(spec, lambda member: _read_bare(text, member), text)


def _read_unknown(text: str, spec: TypeSpec) -> Json:
    raise Mismatch(
        f"{shortened(text)} cannot be turned into {spec.text}, a type that text has no form for"
    )


def _pairs(text: str, spec: TypeSpec) -> dict[str, str]:
    """The text of each value by key."""
    inner = unbracket(text, "{")
    if inner is None:
        raise mismatch(text, spec)
    found: dict[str, str] = {}
    for piece in items(inner):
        bare, *values = split(piece, ":", inside=True)
        quoted = unquote_item(bare.strip())
        key = bare.strip() if quoted is None else quoted
        if not values or key in found:
            problem = (
                f"{shortened(key)} is there twice" if values else f"{shortened(piece)} has no value"
            )
            raise mismatch(text, spec, f": {problem}")
        found[key] = ":".join(values).strip()
    return found


_READERS: dict[TypeKind, Callable[[str, TypeSpec], Json]] = {
    TypeKind.ANY: lambda text, _: read_untyped(text),
    TypeKind.LIST: _read_list,
    TypeKind.TUPLE: _read_list,
    TypeKind.DICT: _read_dict,
    TypeKind.DATACLASS: _read_dataclass,
    TypeKind.UNION: _read_union,
    TypeKind.UNKNOWN: _read_unknown,
}
