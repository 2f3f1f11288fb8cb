"""One pair of clusters for all test processes: the first starts them, the last stops them."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.services.slurm import clusters

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def borrowed(base: Path | None = None) -> Iterator[clusters.Clusters]:
    """The clusters, started if need be; stopped at the end unless others use them.

    Clusters that were started by hand (`python -m tests.services.slurm up`) stay.
    """
    base = base or clusters.default_base()
    me = f"{os.getpid()} {_start_of(os.getpid())}"
    with _users(base) as users:
        running = clusters.start(base)
        users.add(me)
    try:
        yield running
    finally:
        with _users(base) as users:
            users.discard(me)
            if not users and not is_kept(base):
                clusters.stop(base)


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
def _users(base: Path) -> Iterator[set[str]]:
    """The processes that use the clusters and live, for nobody else to change meanwhile."""
    with base.with_name(f"{base.name}.users").open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        users = {line for line in file.read().splitlines() if _lives(line)}
        try:
            yield users
        finally:
            file.truncate(0)
            file.write("".join(f"{user}\n" for user in users))


def _lives(user: str) -> bool:
    pid, started = user.split()
    return _start_of(int(pid)) == started


def _start_of(pid: int) -> str:
    """When a process started, in the kernel's ticks; empty when there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""


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
