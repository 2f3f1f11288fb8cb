"""Globs as regular expressions, by the rules of gitignore(5)."""

from __future__ import annotations

import re

_MAGIC = re.compile(r"[*?\[]")
_CLASSES = {
    "alnum": "a-zA-Z0-9",
    "alpha": "a-zA-Z",
    "blank": " \t",
    "digit": "0-9",
    "lower": "a-z",
    "space": r"\s",
    "upper": "A-Z",
    "xdigit": "a-fA-F0-9",
}
_NOTHING = "(?!)"
_WORD = re.compile(
    r"""
      (?P<folders> (?:^|(?<=/)) \*\*/ )       # any number of folders, none too
    | (?P<rest> (?:^|(?<=/)) \*\*$ )          # all that lies below
    | (?P<star> \*+ )
    | (?P<one> \? )
    | \[ (?P<negated>[!^])? (?P<set> \]? (?:\[:\w+:\]|\\.|[^\]\\])* ) \]
    | \\ (?P<escaped> . )
    | (?P<broken> [\[\\] )                    # of which git says that it matches nothing
    | (?P<plain> . )
    """,
    re.VERBOSE | re.DOTALL,
)


def is_magic(text: str) -> bool:
    """True when a glob can match more than its own text."""
    return _MAGIC.search(text) is not None


def glob_regex(glob: str) -> re.Pattern[str]:
    """What a glob matches, to be used with `fullmatch` on a path without a slash at its end.

    `*`, `?` and `[…]` do not match a slash; `**` does where it stands alone between slashes. A glob that is
    not complete (`[a`) matches nothing.
    """
    text = "".join(_translated(word) for word in _WORD.finditer(glob))
    try:
        return re.compile(text, re.DOTALL)
    except re.error:  # a range from z to a
        return re.compile(_NOTHING)


def _translated(word: re.Match[str]) -> str:
    kind = word.lastgroup
    if kind in ("set", "negated"):
        return _set(word["set"], is_negated=word["negated"] is not None)
    fixed = {
        "folders": "(?:.*/)?",
        "rest": ".+",
        "star": "[^/]*",
        "one": "[^/]",
        "broken": _NOTHING,
    }
    return fixed.get(kind or "") or re.escape(word[kind or 0])


def _set(text: str, *, is_negated: bool) -> str:
    members = re.sub(
        r"\[:(\w+):\]|\\(.)|([\[\]^&~|])",
        lambda found: _CLASSES.get(found[1] or "", "") or re.escape(found[2] or found[3] or ""),
        text,
        flags=re.DOTALL,
    )
    if not members:
        return _NOTHING
    return f"(?!/)[{'^' if is_negated else ''}{members}]"
