"""Where a value ends: commas, quotes and brackets in the text of a parameter."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

OPENERS = "[({"
CLOSERS = "])}"
_QUOTES = "'\""
_MARK = re.compile(r"[,:\[\](){}]\s*")
# Deeper than anyone nests by hand, and far from Python's recursion limit.
_DEEPEST = 50


class Malformed(ValueError):
    """A list has an empty item, or a quote or bracket that is not closed hides a separator."""


def split_sweep(text: str) -> list[str]:
    """The pieces of a comma-separated list, spaces around them removed.

    Commas inside brackets, or in a piece that begins with a quote up to its end, do not separate. A text
    without a separating comma comes back as the only piece, untouched.

    Raises:
        Malformed: A quote or a bracket is opened before a comma and never closed.
    """
    pieces = split(text, ",")
    return pieces if len(pieces) == 1 else [piece.strip(" \t") for piece in pieces]


def split(text: str, separator: str, *, inside: bool = False) -> list[str]:
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


def unbracket(text: str, openers: str) -> str | None:
    """What stands between the brackets; None when the text is not wholly in one pair of `openers`."""
    text = text.strip()
    if text[:1] not in tuple(openers) or text[-1:] != CLOSERS[OPENERS.index(text[0])]:
        return None
    levels = [0]
    for index, char, depth in _structure(text, ","):
        levels.append(depth)
        if char in CLOSERS and depth == 0 and index < len(text) - 1:
            return None
    return text[1:-1] if levels[-1] == 0 and max(levels) <= _DEEPEST else None


def items(inner: str) -> list[str]:
    """The items of a list whose brackets were taken off; one comma may follow the last.

    Raises:
        Malformed: An item is empty, or as in `split_sweep`.
    """
    pieces = [piece.strip() for piece in split(inner, ",", inside=True)]
    if pieces[-1] == "":
        pieces.pop()
    if "" in pieces:
        raise Malformed(f"item {pieces.index('') + 1} of the list is empty")
    return pieces


def unquote(text: str) -> str | None:
    """What stands between the quotes, byte for byte; None when the text is not wholly in one pair of quotes."""
    if len(text) < len("''") or text[0] not in _QUOTES or text.find(text[0], 1) != len(text) - 1:
        return None
    return text[1:-1]


def unquote_item(text: str) -> str | None:
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
        if char in OPENERS:
            opened_at = mark.start() if depth == 0 else opened_at
            depth += 1
        elif char in CLOSERS:
            depth = max(0, depth - 1)
        within = inside or depth > 0
        if char == "," or char in OPENERS or (char == ":" and within):
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
        raise Malformed(
            f"{padded[start]} at character {start} is never closed, and {separator!r} follows it"
        )
