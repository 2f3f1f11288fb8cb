"""A value for a parameter without annotation: a literal when it reads as one, else text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nemorun_discover.discovery.brackets import (
    Malformed,
    items,
    split,
    unbracket,
    unquote,
    unquote_item,
)
from nemorun_discover.discovery.scalars import NONES, as_float, as_int
from nemorun_discover.model.task import MISSING

if TYPE_CHECKING:
    from nemorun_discover.model.task import Json, Missing

_WORDS: dict[str, Json] = {"true": True, "True": True, "false": False, "False": False}
_WORDS |= dict.fromkeys(NONES)
# `007` and `0123` are names or postal codes rather than numbers: Python has no such literal.
_ZERO_LED = re.compile(r"[+-]?0[0-9_]")


def read_untyped(text: str) -> Json:
    """The number, bool, None, list or dict that the text is a literal of; otherwise the text itself.

    Quotes around all of it make it text, whatever it holds.
    """
    inner = unquote(text)
    if inner is not None:
        return inner
    value = _literal(text)
    return text if value is MISSING else value


def _literal(text: str) -> Json | Missing:
    text = text.strip()
    for read in (_number, _list, _dict):
        value = read(text)
        if value is not MISSING:
            return value
    return _WORDS.get(text, MISSING)


def _item(text: str) -> Json | Missing:
    quoted = unquote_item(text.strip())
    return _literal(text) if quoted is None else quoted


def _number(text: str) -> int | float | Missing:
    if _ZERO_LED.match(text):
        return MISSING
    whole = as_int(text)
    return as_float(text) if whole is MISSING else whole


def _list(text: str) -> list[Json] | Missing:
    inner = unbracket(text, "[(")
    # `(1)` is a number in parentheses to Python, and prose to everybody else.
    if inner is None or (text[0] == "(" and "," not in inner):
        return MISSING
    try:
        values = [_item(piece) for piece in items(inner)]
    except Malformed:
        return MISSING
    return MISSING if MISSING in values else values


def _dict(text: str) -> dict[str, Json] | Missing:
    inner = unbracket(text, "{")
    if inner is None:
        return MISSING
    found: dict[str, Json] = {}
    try:
        pairs = [split(piece, ":", inside=True) for piece in items(inner)]
    except Malformed:
        return MISSING
    for key, *values in pairs:
        name, value = unquote_item(key.strip()), _item(":".join(values))
        if name is None or value is MISSING:
            return MISSING
        found[name] = value
    return found
