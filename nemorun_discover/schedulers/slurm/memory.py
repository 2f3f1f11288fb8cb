"""What a cluster told of itself, kept for the next time."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from nemorun_discover.files import read_json, write_json
from nemorun_discover.schedulers.slurm.order import ClusterFacts

if TYPE_CHECKING:
    from pathlib import Path


def remember(folder: Path, facts: ClusterFacts) -> None:
    """Keep what a cluster told of itself in its folder of this home; a full disk keeps nothing."""
    document = {
        "base": facts.base,
        "user": facts.user,
        "host": facts.host,
        "max_array": facts.max_array,
    }
    with suppress(OSError):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_json(folder / "facts.json", document)


def recall(folder: Path) -> ClusterFacts | None:
    """What was kept; None for nothing."""
    document = read_json(folder / "facts.json")
    try:
        return ClusterFacts(**document) if isinstance(document, dict) else None
    except TypeError:
        return None
