"""The record of the clusters that were started for an experiment: none of them may be forgotten.

`clusters.json` has, by name: the executor, when it was asked for, after how many idle minutes it goes, where it
came up and for how much an hour, and when it was torn down. It is written before a cluster is asked for.
"""

from __future__ import annotations

from datetime import UTC, datetime
from threading import Lock
from typing import TYPE_CHECKING, Any

from nemorun_discover.documents import Clusters, read_object
from nemorun_discover.files import write_json

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = "nemorun.clusters/1"
# One process at a time writes it, the driver, with a thread for each cluster.
_writing = Lock()


def clusters_of(path: Path) -> dict[str, dict[str, Any]]:
    """By name, the clusters of an experiment's `clusters.json`; none when there is no such file.

    Raises:
        DamagedFile: It is damaged: which clusters somebody pays for is not known.
        UnreadableFile: It cannot be read now.
    """
    found: dict[str, dict[str, Any]] = (read_object(path, Clusters) or {}).get("clusters", {})
    return found


def may_be_up(path: Path) -> dict[str, dict[str, Any]]:
    """Those that nobody has seen torn down."""
    return {name: one for name, one in clusters_of(path).items() if one["down_at"] is None}


def note_cluster(path: Path, name: str, **facts: Any) -> None:  # noqa: ANN401 - JSON
    """Write down what is new of a cluster.

    Raises:
        OSError: It cannot be written; then no cluster is to be asked for.
        StoreError: It is damaged, or cannot be read: likewise.
    """
    with _writing:
        clusters = clusters_of(path)
        known = clusters.get(name, {"asked_at": now_text(), "down_at": None})
        clusters[name] = {**known, **facts}
        write_json(path, {"schema": SCHEMA, "clusters": clusters})


def now_text() -> str:
    """The time now, as JSON has it."""
    return datetime.now(UTC).isoformat(timespec="seconds")
