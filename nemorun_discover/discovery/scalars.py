"""One piece of text as an int, float, bool, text, None, enum member or literal."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from nemorun_discover.discovery.names import one_of, shortened
from nemorun_discover.model.task import MISSING, TypeKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from nemorun_discover.model.task import Json, Missing, TypeSpec

_DECIMAL = re.compile(r"[+-]?[0-9]+(_[0-9]+)*")
_HEXADECIMAL = re.compile(r"[+-]?0[xX][0-9a-fA-F]+(_[0-9a-fA-F]+)*")
_FLOAT = re.compile(r"[+-]?([0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)([eE][+-]?[0-9]+)?")
_BOOLS = {"true": True, "yes": True, "on": True, "1": True}
_BOOLS |= {"false": False, "no": False, "off": False, "0": False}
NONES = frozenset({"None", "none", "null"})


class Mismatch(ValueError):
    """A value is not of the type it should have; the message is the whole finding, without parameter and task."""


def mismatch(value: object, spec: TypeSpec, detail: str = "") -> Mismatch:
    """`'abc' is not a float`; the members are listed where the type has some."""
    article = "an" if spec.text[:1].lower() in tuple("aeiou") else "a"
    if spec.kind is TypeKind.ENUM and not detail:
        detail = f" ({one_of(map(str, spec.values))})" if spec.values else ""
    return Mismatch(f"{shortened(value)} is not {article} {spec.text}{detail}")


def read_scalar(text: str, spec: TypeSpec) -> Json:
    """The value, as JSON.

    Raises:
        Mismatch: The text is no such value, or the type is none of the scalar ones.
    """
    reader = SCALARS.get(spec.kind)
    value = MISSING if reader is None else reader(text, spec)
    if value is MISSING:
        raise mismatch(text, spec)
    return value


def as_int(text: str) -> int | Missing:
    """Decimal or 0x…, with underscores between digits; MISSING when it is neither."""
    text = text.strip()
    try:
        if _DECIMAL.fullmatch(text):
            return int(text)
        return int(text, 16) if _HEXADECIMAL.fullmatch(text) else MISSING
    except ValueError:  # more digits than Python converts
        return MISSING


def as_float(text: str) -> float | Missing:
    """A finite number; MISSING when it is none (JSON has no inf and no nan)."""
    text = text.strip()
    try:
        value = float(text) if _FLOAT.fullmatch(text) else math.nan
    except ValueError:
        return MISSING
    return value if math.isfinite(value) else MISSING


def as_bool(text: str) -> bool | Missing:
    """True/false, yes/no, on/off, 1/0 in any case; MISSING when it is none of them."""
    return _BOOLS.get(text.strip().lower(), MISSING)


def member_named(word: str, names: Iterable[str]) -> str | Missing:
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
    return None if None in spec.values and text in NONES else MISSING


SCALARS: dict[TypeKind, Callable[[str, TypeSpec], Json]] = {
    TypeKind.INT: lambda text, _: as_int(text),
    TypeKind.FLOAT: lambda text, _: as_float(text),
    TypeKind.BOOL: lambda text, _: as_bool(text),
    TypeKind.STR: lambda text, _: text,
    TypeKind.PATH: lambda text, _: text,
    TypeKind.NONE: lambda text, _: None if text.strip() in NONES else MISSING,
    TypeKind.ENUM: lambda text, spec: member_named(text.strip(), map(str, spec.values)),
    TypeKind.LITERAL: _literal,
}
