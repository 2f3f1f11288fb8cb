"""The names of what jobs leave on a cluster, and where it lies on this machine. Pure.

`begun/<slug>.<attempt>` when an attempt begins, `ended/...` when it has ended, and `ending/...` when Slurm has
announced the end: that one counts where nothing better was written any more.
"""

from __future__ import annotations

KINDS = ("begun", "ending", "ended")


def evidence_name(slug: str, attempt: int) -> str:
    """The name of what an attempt leaves, the same in every kind."""
    return f"{slug}.{attempt}"


def attempt_of(name: str) -> tuple[str, int] | None:
    """Slug and attempt of such a name; None for another one."""
    slug, _, number = name.rpartition(".")
    return (slug, int(number)) if slug and number.isdigit() else None
