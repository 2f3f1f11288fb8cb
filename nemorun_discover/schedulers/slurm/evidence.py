"""The names of what jobs leave on a cluster, and where it lies on this machine. Pure.

`begun/<slug>.<attempt>` when an attempt begins, `ended/...` when it has ended, and `ending/...` when Slurm has
announced the end: that one counts where nothing better was written any more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nemorun_discover.documents import Begun, Exit, discard

if TYPE_CHECKING:
    from pathlib import Path

KINDS = ("begun", "ending", "ended")
SHAPES = {"begun": Begun, "ending": Exit, "ended": Exit}


def damaged_place(path: Path) -> Path:
    """Where evidence is put aside that is damaged: names that begin with a dot are no evidence."""
    return path.with_name(f".{path.name}.damaged")


def put_aside(path: Path) -> None:
    """Put damaged evidence aside: it is asked for again, as the cluster may have a whole one.

    Raises:
        OSError: It cannot be moved.
    """
    aside = damaged_place(path)
    discard(aside)
    path.replace(aside)


def evidence_name(slug: str, attempt: int) -> str:
    """The name of what an attempt leaves, the same in every kind."""
    return f"{slug}.{attempt}"


def attempt_of(name: str) -> tuple[str, int] | None:
    """Slug and attempt of such a name; None for another one."""
    slug, _, number = name.rpartition(".")
    return (slug, int(number)) if slug and number.isdigit() else None
