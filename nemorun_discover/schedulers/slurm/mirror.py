"""Logs of a cluster on this machine: each byte travels once, however often and by whomever they are read."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nemorun_discover.errors import ConnectionLost
from nemorun_discover.files import write_whole
from nemorun_discover.schedulers.slurm.looking import script_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from nemorun_discover.transport.tunnel import Tunnel

PATIENCE_S = 120.0
_AT_ONCE = 8 << 20  # bytes of one file in one answer; what is left comes with the next
_WORDS_OF_MORE = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Mirrored:
    """A file of the cluster and its copy here.

    Attributes:
        remote: Below `<base>/experiments`.
        local: Its copy; grows by what is new, and its size is where to go on from.
    """

    remote: str
    local: Path


def bring_up_to_date(
    tunnel: Tunnel, base: str, files: Sequence[Mirrored], *, limit: int | None = None
) -> int:
    """Append to the copies what the files have got, in as few questions as their size allows; bytes that came.

    Args:
        tunnel: To the cluster.
        base: The tunnel's job_dir.
        files: What to bring.
        limit: Bytes of one file at most, and then no more of it; None for all.

    Raises:
        ConnectionLost: It broke; what came is kept.
        ExecutorRefused: The cluster cannot be asked.
    """
    total = 0
    wanted = list(files)
    while wanted:
        grown = _ask(tunnel, base, wanted, limit or _AT_ONCE)
        total += sum(grown.values())
        if limit is not None:
            break
        wanted = [one for number, one in enumerate(wanted) if grown.get(number) == _AT_ONCE]
    return total


def _ask(tunnel: Tunnel, base: str, files: Sequence[Mirrored], limit: int) -> dict[int, int]:
    """By number, how many bytes a file has got."""
    lines = "".join(f"{_size(one.local)} {one.remote}\n" for one in files)
    script = script_text("logs.sh", base=base, limit=str(limit))
    answer = tunnel.run(script, lines.encode("utf-8", "surrogateescape"), timeout_s=PATIENCE_S)
    grown: dict[int, int] = {}
    for number, start, piece in _pieces(answer.output, tunnel.name):
        if _append(files[number].local, start, piece):
            grown[number] = len(piece)
    return grown


def _pieces(output: bytes, name: str) -> Iterator[tuple[int, int, bytes]]:
    at = 0
    while at < len(output):
        end = output.find(b"\n", at)
        words = output[at : end if end >= 0 else len(output)].split()
        if words[:1] != [b"more"] or len(words) != _WORDS_OF_MORE:
            return
        number, start, count = map(int, words[1:])
        piece = output[end + 1 : end + 1 + count]
        if len(piece) < count:
            raise ConnectionLost(f"{name}: a log became shorter while it was read")
        yield number, start, piece
        at = end + 1 + count + 1


def _append(path: Path, start: int, piece: bytes) -> bool:
    """Put a piece where it belongs; False when another process has got it meanwhile."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _locked(path) as descriptor:
        size = os.fstat(descriptor).st_size
        if start not in (0, size):
            return False
        if start < size:  # it was written anew over there
            os.ftruncate(descriptor, 0)
        os.lseek(descriptor, 0, os.SEEK_END)
        write_whole(descriptor, piece)
    return True


@contextmanager
def _locked(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
