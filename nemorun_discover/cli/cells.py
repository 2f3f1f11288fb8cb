"""Text measured in the cells of a terminal, where a character takes none, one or two."""

from __future__ import annotations

import unicodedata


def cell_width(text: str) -> int:
    """How many cells the text takes."""
    if text.isascii():
        return len(text)
    return sum(map(_width_of, text))


def cut(text: str, width: int, ellipsis: str = "…") -> str:
    """The text's beginning, in at most `width` cells."""
    if cell_width(text) <= width:
        return text
    return _take(text, width - cell_width(ellipsis)) + ellipsis[: max(0, width)]


def cut_middle(text: str, width: int, ellipsis: str = "…") -> str:
    """The text's beginning and end, in at most `width` cells; the end gets the greater half."""
    if cell_width(text) <= width:
        return text
    room = max(0, width - cell_width(ellipsis))
    tail = _take(text[::-1], room - room // 2)[::-1]
    return _take(text, room // 2) + ellipsis[: max(0, width)] + tail


def _take(text: str, width: int) -> str:
    taken = 0
    for index, character in enumerate(text):
        taken += _width_of(character)
        if taken > width:
            return text[:index]
    return text


def _width_of(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1
