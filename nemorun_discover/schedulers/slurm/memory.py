"""What a cluster told of itself, kept for the next time."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from nemorun_discover.documents import SlurmFacts, discard, read_object
from nemorun_discover.errors import DamagedFile, UnreadableFile
from nemorun_discover.files import write_json
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
        if (folder / "facts.json").is_dir():
            discard(folder / "facts.json")
        write_json(folder / "facts.json", document)


def recall(folder: Path) -> ClusterFacts | None:
    """What was kept; None for nothing."""
    try:
        document = read_object(folder / "facts.json", SlurmFacts)
    except (DamagedFile, UnreadableFile):  # the cluster is asked again
        return None
    known = ("base", "user", "host", "max_array")
    return None if document is None else ClusterFacts(**{name: document[name] for name in known})
