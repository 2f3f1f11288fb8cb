"""Hints for names that do not exist."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nemorun_discover.discovery.names import nearest

if TYPE_CHECKING:
    from collections.abc import Iterable

_MOST_LISTED = 12


def hint_for(name: str, known: Iterable[str], *, what: str) -> str | None:
    """A hint that names the nearest known name, or lists those there are; None when there are none."""
    names = list(dict.fromkeys(known))
    close = nearest(name, names, 1)
    if close:
        return f"did you mean {close[0]}?"
    if not names:
        return None
    more = ", …" if len(names) > _MOST_LISTED else ""
    return f"{what}: {', '.join(names[:_MOST_LISTED])}{more}"
