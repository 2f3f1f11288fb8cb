"""Hints for names that do not exist."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_MOST_LISTED = 12


def hint_for(name: str, known: Iterable[str], *, what: str) -> str | None:
    """A hint that names the nearest known name, or lists those there are; None when there are none."""
    from difflib import get_close_matches  # noqa: PLC0415 - only an error needs it

    names = list(dict.fromkeys(known))
    by_lower = {one.lower(): one for one in names}
    close = get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6)
    if close:
        return f"did you mean {by_lower[close[0]]}?"
    if not names:
        return None
    more = ", …" if len(names) > _MOST_LISTED else ""
    return f"{what}: {', '.join(names[:_MOST_LISTED])}{more}"
