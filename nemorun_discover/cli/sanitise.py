"""Text of jobs and users, made safe to stand among our own lines."""

from __future__ import annotations

import re

# ESC sequences: CSI (colours, cursor), OSC (titles, links) up to BEL or ST, and two-byte ones.
_ESCAPES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])"
    r"|\x9b[0-?]*[ -/]*[@-~]"
)
# C0 without tab and newline, DEL, C1, and what turns the direction of text around.
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def visible(text: str) -> str:
    """The text without escape sequences, other control characters spelled out; lines are kept."""
    if text.isprintable():
        return text  # nearly every text; no control character is printable
    text = _ESCAPES.sub("", text).replace("\r\n", "\n").expandtabs(8)
    return _CONTROLS.sub(_spelled, text)


def spelled(text: str) -> str:
    """The text with every control character spelled out, those of escape sequences too; lines and tabs are kept."""
    return _CONTROLS.sub(_spelled, text)


def json_safe(encoded: str) -> str:
    """A JSON document with the control characters that JSON allows in texts (C1, DEL) as JSON escapes."""
    return _CONTROLS.sub(lambda found: f"\\u{ord(found.group()):04x}", encoded)


def one_line(text: str) -> str:
    """Like `visible`, with line breaks and runs of blanks as one space."""
    if text.isprintable() and text.isascii() and "  " not in text:
        return text.strip()  # nearly every cell of a table, 20 times as fast
    return re.sub(r"\s+", " ", visible(re.sub(r"[\r\n\u2028\u2029]+", " ", text))).strip()


def _spelled(found: re.Match[str]) -> str:
    code = ord(found.group())
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"  # noqa: PLR2004 - where two digits end
