"""Links are packaged as links: which of them lead out of the package."""

from __future__ import annotations

from posixpath import dirname, join, normpath
from typing import TYPE_CHECKING

from nemorun_discover.packaging.listing import Entry, shown

if TYPE_CHECKING:
    from collections.abc import Iterable

_NAMED = 5


def notes_on_links(entries: Iterable[Entry]) -> tuple[str, ...]:
    """A sentence for each link that leads out of the package; after the first few, one for the rest."""
    leading_out = [entry for entry in entries if entry.mode == "link" and _leads_out(entry)]
    notes = [
        f"{shown(entry.path)} -> {shown(entry.target or '')} leads out of the package; only the link travels"
        for entry in leading_out[:_NAMED]
    ]
    if more := len(leading_out) - _NAMED:
        notes += [f"{more} more links lead out of the package"] if more > 0 else []
    return tuple(notes)


def _leads_out(link: Entry) -> bool:
    target = normpath(join(dirname(link.path), link.target or ""))
    return target.startswith(("/", "../")) or target == ".."
