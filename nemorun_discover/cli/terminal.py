"""What a stream can show: colour, width, and characters beyond ASCII. Pure, but for asking the stream."""

from __future__ import annotations

import os
import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TextIO

NARROWEST = 20


def is_terminal(stream: TextIO) -> bool:
    """True when a person looks at this stream."""
    try:
        return stream.isatty()
    except ValueError:  # closed
        return False


def wants_color(option: str, stream: TextIO, env: Mapping[str, str]) -> bool:
    """Whether to colour: `--color`, then NO_COLOR, FORCE_COLOR, TERM=dumb, and at last the stream itself."""
    if option in ("yes", "no"):
        return option == "yes"
    if env.get("NO_COLOR"):
        return False
    if env.get("FORCE_COLOR"):
        return env["FORCE_COLOR"] != "0"
    return env.get("TERM") != "dumb" and is_terminal(stream)


def can_redraw(stream: TextIO, env: Mapping[str, str]) -> bool:
    """True when lines can be drawn again in place: a live table is possible."""
    return is_terminal(stream) and env.get("TERM", "dumb") != "dumb"


def width_of(stream: TextIO, env: Mapping[str, str]) -> int | None:
    """The columns of a terminal (COLUMNS overrides); None for a pipe or file, where no line is ever cut."""
    if not is_terminal(stream):
        return None
    said = env.get("COLUMNS", "")
    if said.isascii() and said.isdigit() and int(said):
        return max(NARROWEST, int(said))
    try:
        columns = os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError):
        columns = 0
    return max(NARROWEST, columns or 80)


def height_of(stream: TextIO) -> int:
    """The lines of a terminal; 24 where it does not say."""
    try:
        return os.get_terminal_size(stream.fileno()).lines or 24
    except (OSError, ValueError):
        return 24


def speaks_unicode(stream: TextIO) -> bool:
    """True when the stream's encoding holds the symbols we draw."""
    try:
        "✓✗●…↷".encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def wrap(text: str, width: int | None) -> str:
    """The text broken between words at the width, lines after the first indented; paths stay whole."""
    if width is None:
        return text
    return "\n".join(
        textwrap.fill(
            line,
            width,
            subsequent_indent="  ",
            break_long_words=False,
            break_on_hyphens=False,
        )
        for line in text.split("\n")
    )
