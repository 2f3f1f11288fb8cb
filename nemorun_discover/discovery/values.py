"""Values of parameters: what a text means for an annotation, and whether a value is of it, can be sent, and is equal.

The one grammar for all that is typed: `run key=value`, `--set`, and a rerun's. Text is read by the parameter's
annotation; quotes keep it text, a comma at the top level makes a sweep, and lists and dictionaries stand in brackets.
"""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING

from nemorun_discover.discovery.names import did_you_mean, one_of, shortened
from nemorun_discover.errors import UsageError
from nemorun_discover.model.task import ANY, MISSING, TypeKind, TypeSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from nemorun_discover.model.task import Json, Missing

_OPENERS = "[({"
_CLOSERS = "])}"
_QUOTES = "'\""
_MARK = re.compile(r"[,:\[\](){}]\s*")
# Deeper than anyone nests by hand, and far from Python's recursion limit.
_DEEPEST = 50
_DECIMAL = re.compile(r"[+-]?[0-9]+(_[0-9]+)*")
_HEXADECIMAL = re.compile(r"[+-]?0[xX][0-9a-fA-F]+(_[0-9a-fA-F]+)*")
_FLOAT = re.compile(r"[+-]?([0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)([eE][+-]?[0-9]+)?")
_BOOLS = {"true": True, "yes": True, "on": True, "1": True}
_BOOLS |= {"false": False, "no": False, "off": False, "0": False}
_NONES = frozenset({"None", "none", "null"})
_WORDS: dict[str, Json] = {"true": True, "True": True, "false": False, "False": False}
_WORDS |= dict.fromkeys(_NONES)
# `007` and `0123` are names or postal codes rather than numbers: Python has no such literal.
_ZERO_LED = re.compile(r"[+-]?0[0-9_]")
_FLOAT_TYPE = TypeSpec(kind=TypeKind.FLOAT, text="float")
_KINDS_OF_VALUES: tuple[tuple[TypeKind, type], ...] = (
    (TypeKind.BOOL, bool),
    (TypeKind.INT, int),
    (TypeKind.FLOAT, float),
    (TypeKind.STR, str),
    (TypeKind.LIST, list),
    (TypeKind.DICT, dict),
)
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


class _Malformed(ValueError):
    """A list has an empty item, or a quote or bracket that is not closed hides a separator."""


class _Mismatch(ValueError):
    """A value is not of the type it should have; the message is the whole finding, without parameter and task."""


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
        return _sendable(_read(text, spec))
    except (_Mismatch, _Malformed) as error:
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
        pieces = _split_sweep(text)
    except _Malformed as error:
        raise UsageError(f"{name}: {error}, in {shortened(text)}", hint=quoting) from error
    if len(pieces) > 1 and "" in pieces:
        raise UsageError(
            f"{name}: value {pieces.index('') + 1} of the list {shortened(text)} is empty",
            hint=quoting,
        )
    return pieces


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
        return _sendable(_fit(value, spec))
    except _Mismatch as error:
        raise UsageError(f"{name}: {error} ({where})") from error


def type_like(value: Json) -> TypeSpec:
    """A type for the values that may stand in a value's place, where no annotation is known; ANY for None."""
    for kind, classes in _KINDS_OF_VALUES:
        if isinstance(value, classes):
            spec = TypeSpec(kind=kind, text=kind.value)
            if kind is not TypeKind.INT:
                return spec
            return TypeSpec(kind=TypeKind.UNION, text="int | float", args=(spec, _FLOAT_TYPE))
    return ANY


def canonical(value: Json) -> str:
    """A text that two values share exactly when they are equal as JSON: 1 and 1.0 are, 1 and true are not."""
    return json.dumps(_without_integral_floats(value), sort_keys=True)


def _list_hint(name: str, spec: TypeSpec) -> str | None:
    if spec.kind in (TypeKind.LIST, TypeKind.TUPLE):
        return f"write a list in brackets: {name}='[a,b]'"
    if spec.kind in (TypeKind.DICT, TypeKind.DATACLASS):
        return f"write it in braces: {name}='{{key: value}}'"
    return None


def _read(text: str, spec: TypeSpec) -> Json:
    quoted = _unquote(text)
    return _read_bare(text, spec) if quoted is None else _fit(quoted, spec)


def _read_item(text: str, spec: TypeSpec) -> Json:
    """A value inside brackets, where quotes have escapes."""
    quoted = _unquote_item(text)
    return _read_bare(text, spec) if quoted is None else _fit(quoted, spec)


def _read_bare(text: str, spec: TypeSpec) -> Json:
    reader = _READERS.get(spec.kind)
    return _read_scalar(text, spec) if reader is None else reader(text, spec)


def _read_list(text: str, spec: TypeSpec) -> list[Json]:
    inner = _unbracket(text, "[(")
    if inner is None:
        raise _mismatch(text, spec)
    pieces = _items(inner)
    types = _item_types(spec, len(pieces), text)
    return [_read_item(piece, item) for piece, item in zip(pieces, types, strict=True)]


def _read_dict(text: str, spec: TypeSpec) -> dict[str, Json]:
    keys, values = spec.args or (ANY, ANY)
    return {
        _key_text(key, keys): _read_item(value, values) for key, value in _pairs(text, spec).items()
    }


def _read_dataclass(text: str, spec: TypeSpec) -> dict[str, Json]:
    pairs = _pairs(text, spec)
    fields = _fields_of(pairs, spec)
    return {name: _read_item(value, fields[name]) for name, value in pairs.items()}


def _read_union(text: str, spec: TypeSpec) -> Json:
    return _first_that_fits(spec, lambda member: _read_bare(text, member), text)


def _read_unknown(text: str, spec: TypeSpec) -> Json:
    raise _Mismatch(
        f"{shortened(text)} cannot be turned into {spec.text}, a type that text has no form for"
    )


def _pairs(text: str, spec: TypeSpec) -> dict[str, str]:
    """The text of each value by key."""
    inner = _unbracket(text, "{")
    if inner is None:
        raise _mismatch(text, spec)
    found: dict[str, str] = {}
    for piece in _items(inner):
        bare, *values = _split(piece, ":", inside=True)
        quoted = _unquote_item(bare.strip())
        key = bare.strip() if quoted is None else quoted
        if not values or key in found:
            problem = (
                f"{shortened(key)} is there twice" if values else f"{shortened(piece)} has no value"
            )
            raise _mismatch(text, spec, f": {problem}")
        found[key] = ":".join(values).strip()
    return found


def _mismatch(value: object, spec: TypeSpec, detail: str = "") -> _Mismatch:
    """`'abc' is not a float`; the members are listed where the type has some."""
    article = "an" if spec.text[:1].lower() in tuple("aeiou") else "a"
    if spec.kind is TypeKind.ENUM and not detail:
        detail = f" ({one_of(map(str, spec.values))})" if spec.values else ""
    return _Mismatch(f"{shortened(value)} is not {article} {spec.text}{detail}")


def _read_scalar(text: str, spec: TypeSpec) -> Json:
    """The value, as JSON.

    Raises:
        _Mismatch: The text is no such value, or the type is none of the scalar ones.
    """
    reader = _SCALARS.get(spec.kind)
    value = MISSING if reader is None else reader(text, spec)
    if value is MISSING:
        raise _mismatch(text, spec)
    return value


def _as_int(text: str) -> int | Missing:
    """Decimal or 0x…, with underscores between digits; MISSING when it is neither."""
    text = text.strip()
    try:
        if _DECIMAL.fullmatch(text):
            return int(text)
        return int(text, 16) if _HEXADECIMAL.fullmatch(text) else MISSING
    except ValueError:  # more digits than Python converts
        return MISSING


def _as_float(text: str) -> float | Missing:
    """A finite number; MISSING when it is none (JSON has no inf and no nan)."""
    text = text.strip()
    try:
        value = float(text) if _FLOAT.fullmatch(text) else math.nan
    except ValueError:
        return MISSING
    return value if math.isfinite(value) else MISSING


def _as_bool(text: str) -> bool | Missing:
    """True/false, yes/no, on/off, 1/0 in any case; MISSING when it is none of them."""
    return _BOOLS.get(text.strip().lower(), MISSING)


def _member_named(word: str, names: Iterable[str]) -> str | Missing:
    """The name that equals the word, else the only one that does so without regard to case."""
    names = list(names)
    if word in names:
        return word
    alike = [name for name in names if name.casefold() == word.casefold()]
    return alike[0] if len(alike) == 1 else MISSING


def _literal(text: str, spec: TypeSpec) -> Json | Missing:
    if text in spec.values:
        return text
    for value in spec.values:
        if not isinstance(value, str) and str(value).lower() == text.strip().lower():
            return value
    return None if None in spec.values and text in _NONES else MISSING


def _read_untyped(text: str) -> Json:
    """The number, bool, None, list or dict that the text is a literal of; otherwise the text itself.

    Quotes around all of it make it text, whatever it holds.
    """
    inner = _unquote(text)
    if inner is not None:
        return inner
    value = _untyped_literal(text)
    return text if value is MISSING else value


def _untyped_literal(text: str) -> Json | Missing:
    text = text.strip()
    for read in (_untyped_number, _untyped_list, _untyped_dict):
        value = read(text)
        if value is not MISSING:
            return value
    return _WORDS.get(text, MISSING)


def _untyped_item(text: str) -> Json | Missing:
    quoted = _unquote_item(text.strip())
    return _untyped_literal(text) if quoted is None else quoted


def _untyped_number(text: str) -> int | float | Missing:
    if _ZERO_LED.match(text):
        return MISSING
    whole = _as_int(text)
    return _as_float(text) if whole is MISSING else whole


def _untyped_list(text: str) -> list[Json] | Missing:
    inner = _unbracket(text, "[(")
    # `(1)` is a number in parentheses to Python, and prose to everybody else.
    if inner is None or (text[0] == "(" and "," not in inner):
        return MISSING
    try:
        values = [_untyped_item(piece) for piece in _items(inner)]
    except _Malformed:
        return MISSING
    return MISSING if MISSING in values else values


def _untyped_dict(text: str) -> dict[str, Json] | Missing:
    inner = _unbracket(text, "{")
    if inner is None:
        return MISSING
    found: dict[str, Json] = {}
    try:
        pairs = [_split(piece, ":", inside=True) for piece in _items(inner)]
    except _Malformed:
        return MISSING
    for key, *values in pairs:
        name, value = _unquote_item(key.strip()), _untyped_item(":".join(values))
        if name is None or value is MISSING:
            return MISSING
        found[name] = value
    return found


def _split_sweep(text: str) -> list[str]:
    """The pieces of a comma-separated list, spaces around them removed.

    Commas inside brackets, or in a piece that begins with a quote up to its end, do not separate. A text
    without a separating comma comes back as the only piece, untouched.

    Raises:
        _Malformed: A quote or a bracket is opened before a comma and never closed.
    """
    pieces = _split(text, ",")
    return pieces if len(pieces) == 1 else [piece.strip(" \t") for piece in pieces]


def _split(text: str, separator: str, *, inside: bool = False) -> list[str]:
    """Cut the text at every separator that is in no quotes and no brackets.

    Args:
        text: As it was typed.
        separator: One character.
        inside: The text stood in brackets: a backslash escapes in quotes, and a quote may follow a colon.
    """
    pieces: list[str] = []
    start = 0
    for index, char, depth in _structure(text, separator, inside=inside):
        if char == separator and depth == 0:
            pieces.append(text[start:index])
            start = index + 1
    return [*pieces, text[start:]]


def _unbracket(text: str, openers: str) -> str | None:
    """What stands between the brackets; None when the text is not wholly in one pair of `openers`."""
    text = text.strip()
    if text[:1] not in tuple(openers) or text[-1:] != _CLOSERS[_OPENERS.index(text[0])]:
        return None
    levels = [0]
    for index, char, depth in _structure(text, ","):
        levels.append(depth)
        if char in _CLOSERS and depth == 0 and index < len(text) - 1:
            return None
    return text[1:-1] if levels[-1] == 0 and max(levels) <= _DEEPEST else None


def _items(inner: str) -> list[str]:
    """The items of a list whose brackets were taken off; one comma may follow the last.

    Raises:
        _Malformed: An item is empty, or as in `split_sweep`.
    """
    pieces = [piece.strip() for piece in _split(inner, ",", inside=True)]
    if pieces[-1] == "":
        pieces.pop()
    if "" in pieces:
        raise _Malformed(f"item {pieces.index('') + 1} of the list is empty")
    return pieces


def _unquote(text: str) -> str | None:
    """What stands between the quotes, byte for byte; None when the text is not wholly in one pair of quotes."""
    if len(text) < len("''") or text[0] not in _QUOTES or text.find(text[0], 1) != len(text) - 1:
        return None
    return text[1:-1]


def _unquote_item(text: str) -> str | None:
    """The same for an item inside brackets, where JSON's escapes hold; None when it is not quoted."""
    if text[:1] not in tuple(_QUOTES) or _end_of_quote(text, 0, escapes=True) != len(text):
        return None
    body = re.sub(r"\\.|\"", _as_json_escape, text[1:-1], flags=re.DOTALL)
    try:
        return str(json.loads(f'"{body}"', strict=False))
    except ValueError:
        return None


def _as_json_escape(match: re.Match[str]) -> str:
    return {"\\'": "'", '"': '\\"'}.get(match[0], match[0])


def _structure(
    text: str, separator: str, *, inside: bool = False
) -> Iterator[tuple[int, str, int]]:
    """Brackets, commas and colons outside quotes, each with its index and the depth after it."""
    # A value can begin at the start of the text just as after a separator.
    padded = separator + text
    depth = index = opened_at = 0
    while mark := _MARK.search(padded, index):
        char, index = mark[0][0], mark.end()
        if char in _OPENERS:
            opened_at = mark.start() if depth == 0 else opened_at
            depth += 1
        elif char in _CLOSERS:
            depth = max(0, depth - 1)
        within = inside or depth > 0
        if char == "," or char in _OPENERS or (char == ":" and within):
            index = _past_quote(padded, index, separator, escapes=within)
        if mark.start() > 0:
            yield mark.start() - 1, char, depth
    if depth > 0:
        _refuse_hidden(padded, opened_at, separator)


def _past_quote(padded: str, index: int, separator: str, *, escapes: bool) -> int:
    """The index behind the quotes that begin here, or the same index.

    Quotes count only where a value begins: the one in `it's` is a letter like any other.
    """
    if padded[index : index + 1] not in tuple(_QUOTES):
        return index
    end = _end_of_quote(padded, index, escapes=escapes)
    if end is None:
        _refuse_hidden(padded, index, separator)
    return end or index


def _end_of_quote(text: str, start: int, *, escapes: bool) -> int | None:
    """The index behind the closing quote; None when there is none."""
    quote = text[start]
    body = rf"(?:\\.|[^\\{quote}])*" if escapes else rf"[^{quote}]*"
    match = re.compile(quote + body + quote, re.DOTALL).match(text, start)
    return match.end() if match else None


def _refuse_hidden(padded: str, start: int, separator: str) -> None:
    if separator in padded[start:]:
        raise _Malformed(
            f"{padded[start]} at character {start} is never closed, and {separator!r} follows it"
        )


def _fit(value: Json, spec: TypeSpec) -> Json:
    """The same without place.

    Raises:
        _Mismatch: It is not of the type.
    """
    return _FITS.get(spec.kind, _fit_scalar)(value, spec)


def _sendable(value: Json) -> Json:
    """The value itself, when JSON and UTF-8 can carry it and no script's environment would break on it.

    Raises:
        _Mismatch: It holds a NUL, text that is not UTF-8, inf or nan.
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
            raise _Mismatch(f"{one} is not a number that JSON can hold")
    return value


def _union_members(spec: TypeSpec) -> list[TypeSpec]:
    """The members in the order in which they are tried."""
    return sorted(spec.args, key=lambda member: _UNION_ORDER.index(member.kind))


def _item_types(spec: TypeSpec, length: int, value: object) -> Iterable[TypeSpec]:
    """One type per item of a list, or of a tuple of this length.

    Raises:
        _Mismatch: A tuple has another length.
    """
    if spec.kind is TypeKind.LIST or not spec.args:
        return [spec.args[0] if spec.args else ANY] * length
    if len(spec.args) != length:
        raise _mismatch(value, spec, f": it has {length} items")
    return spec.args


def _fields_of(given: Iterable[str], spec: TypeSpec) -> dict[str, TypeSpec]:
    """The types of a dataclass's fields, by name.

    Raises:
        _Mismatch: A given field does not exist, or one without a default is not given.
    """
    fields = {name: field for name, field, _ in spec.fields}
    given = list(given)
    for name in given:
        if name not in fields:
            raise _Mismatch(
                f"{spec.text} has no field {shortened(name)}{did_you_mean(name, fields)}"
            )
    for name, field, has_default in spec.fields:
        if not has_default and name not in given:
            raise _Mismatch(f"{spec.text} needs a value for {name} ({field.text})")
    return fields


def _key_text(key: str, spec: TypeSpec) -> str:
    """A dictionary's key as JSON has it, when its text is of the type.

    Raises:
        _Mismatch: It is not.
    """
    if spec.kind in (TypeKind.ANY, TypeKind.UNKNOWN):
        return key
    value = _read_scalar(key, spec)
    return value if isinstance(value, str) else json.dumps(value)


def _check_text(text: str) -> None:
    if "\0" in text:
        raise _Mismatch(f"{shortened(text)} holds a NUL character, which cannot be sent")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise _Mismatch(f"{shortened(text)} is not valid UTF-8") from error


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
        raise _mismatch(value, spec)
    return value


def _fit_float(value: Json, spec: TypeSpec) -> float:
    if type(value) not in (int, float):
        raise _mismatch(value, spec)
    try:
        return float(value)
    except OverflowError as error:
        raise _mismatch(value, spec) from error


def _fit_enum(value: Json, spec: TypeSpec) -> str:
    name = _member_named(value, map(str, spec.values)) if isinstance(value, str) else MISSING
    if name is MISSING:
        raise _mismatch(value, spec)
    return name


def _fit_literal(value: Json, spec: TypeSpec) -> Json:
    if not any(value == one and type(value) is type(one) for one in spec.values):
        raise _mismatch(value, spec)
    return value


def _fit_list(value: Json, spec: TypeSpec) -> list[Json]:
    if not isinstance(value, list | tuple):
        raise _mismatch(value, spec)
    return [
        _fit(one, item)
        for one, item in zip(value, _item_types(spec, len(value), value), strict=True)
    ]


def _fit_dict(value: Json, spec: TypeSpec) -> dict[str, Json]:
    if not isinstance(value, dict):
        raise _mismatch(value, spec)
    keys, values = spec.args or (ANY, ANY)
    return {_key_text(key, keys): _fit(one, values) for key, one in value.items()}


def _fit_dataclass(value: Json, spec: TypeSpec) -> dict[str, Json]:
    if not isinstance(value, dict):
        raise _mismatch(value, spec)
    fields = _fields_of(value, spec)
    return {name: _fit(one, fields[name]) for name, one in value.items()}


def _fit_union(value: Json, spec: TypeSpec) -> Json:
    return _first_that_fits(spec, lambda member: _fit(value, member), value)


def _first_that_fits(spec: TypeSpec, read: Callable[[TypeSpec], Json], value: object) -> Json:
    """What `read` makes of the first member of a union that it can be read as.

    Raises:
        _Mismatch: None of them; with one member beside None, its own finding.
    """
    for member in _union_members(spec):
        try:
            return read(member)
        except _Mismatch:
            continue
    others = [member for member in spec.args if member.kind is not TypeKind.NONE]
    if len(others) == 1 and others[0].kind in (TypeKind.DATACLASS, TypeKind.LIST, TypeKind.DICT):
        return read(others[0])
    raise _mismatch(value, spec)


_SCALARS: dict[TypeKind, Callable[[str, TypeSpec], Json]] = {
    TypeKind.INT: lambda text, _: _as_int(text),
    TypeKind.FLOAT: lambda text, _: _as_float(text),
    TypeKind.BOOL: lambda text, _: _as_bool(text),
    TypeKind.STR: lambda text, _: text,
    TypeKind.PATH: lambda text, _: text,
    TypeKind.NONE: lambda text, _: None if text.strip() in _NONES else MISSING,
    TypeKind.ENUM: lambda text, spec: _member_named(text.strip(), map(str, spec.values)),
    TypeKind.LITERAL: _literal,
}

_READERS: dict[TypeKind, Callable[[str, TypeSpec], Json]] = {
    TypeKind.ANY: lambda text, _: _read_untyped(text),
    TypeKind.LIST: _read_list,
    TypeKind.TUPLE: _read_list,
    TypeKind.DICT: _read_dict,
    TypeKind.DATACLASS: _read_dataclass,
    TypeKind.UNION: _read_union,
    TypeKind.UNKNOWN: _read_unknown,
}

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
