"""Which test processes use a service: the first starts it, the last stops it."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Service = TypeVar("Service")


@contextmanager
def shared(
    base: Path, start: Callable[[Path], Service], stop: Callable[[Path, Service], None]
) -> Iterator[Service]:
    """The service of this folder, started if need be, and stopped at the end unless others use it."""
    me = f"{os.getpid()} {_start_of(os.getpid())}"
    with _users(base) as users:
        running = start(base)
        users.add(me)
    try:
        yield running
    finally:
        with _users(base) as users:
            users.discard(me)
            if not users and not (base / "kept").exists():
                stop(base, running)


@contextmanager
def _users(base: Path) -> Iterator[set[str]]:
    """The processes that use it and live, for nobody else to change meanwhile."""
    with base.with_name(f"{base.name}.users").open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        users = {line for line in file.read().splitlines() if _lives(line)}
        try:
            yield users
        finally:
            file.truncate(0)
            file.write("".join(f"{user}\n" for user in users))
            file.flush()


def _lives(user: str) -> bool:
    pid, started = user.split()
    return _start_of(int(pid)) == started


def _start_of(pid: int) -> str:
    """When a process started, in the kernel's ticks; empty when there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""
