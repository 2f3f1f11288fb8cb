"""One pair of clusters for all test processes: the first starts them, the last stops them."""

from __future__ import annotations

import fcntl
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.services.slurm import clusters
from tests.services.users import shared

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def borrowed(base: Path | None = None) -> Iterator[clusters.Clusters]:
    """The clusters, started if need be; stopped at the end unless others use them.

    Clusters that were started by hand (`python -m tests.services.slurm up`) stay.
    """
    with shared(
        base or clusters.default_base(), clusters.start, lambda folder, _: clusters.stop(folder)
    ) as running:
        yield running


def keep(base: Path, *, kept: bool) -> None:
    """Whether the clusters stay when their last user has gone."""
    if kept:
        (base / "kept").touch()
    else:
        (base / "kept").unlink(missing_ok=True)


def is_kept(base: Path) -> bool:
    """What `keep` said."""
    return (base / "kept").exists()


@contextmanager
def in_use(base: Path, *, alone: bool) -> Iterator[None]:
    """Use the clusters together with others, or `alone` (to break something).

    Who waits to be alone stands in the gate, so that those who come later do not go first.
    """
    with (base / "gate.lock").open("w") as gate, (base / "use.lock").open("w") as use:
        fcntl.flock(gate, fcntl.LOCK_EX)
        fcntl.flock(use, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(gate, fcntl.LOCK_UN)
        yield
