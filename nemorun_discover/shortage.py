"""What a machine is short of for a while: room on a disk, processes, memory, descriptors.

No job fails of that: whoever meets it waits, with growing pauses, says what is missing, and goes on. Which errors are
of this kind is decided here and nowhere else (`batch.sh` has the same list, as Slurm's nodes have no Python of ours).

Standard library, Python 3.9: it is used inside jobs.
"""

from __future__ import annotations

import errno
import os
import time

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeVar

    T = TypeVar("T")

_ROOM = (errno.ENOSPC, errno.EDQUOT)
_PASSING = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EAGAIN: "no more processes or threads can be started (`ulimit -u`, the pids cgroup)",
    errno.ENOMEM: "the memory is used up",
    errno.EMFILE: "a process has as many open files as it may have (`ulimit -n`)",
    errno.ENFILE: "the machine has as many open files as it can have",
}
# Python has no errno for pthread_create(3)'s EAGAIN: CPython 3.9 to 3.13 raise RuntimeError with this text.
_NO_THREAD = "can't start new thread"
# What can be caught and may be a shortage; whether it is one, `is_passing` tells.
CAUGHT = (OSError, MemoryError, RuntimeError)

_SHORTEST_S, _LONGEST_S, _GROWTH = 0.05, 2.0, 1.6
# A file system that has less is full for whoever wants to write a document: a block of some have 64 KiB.
_FULL_BYTES = 4096
_THOUSAND = 1000


def is_passing(error: BaseException) -> bool:
    """True for what may be over in a moment; for one of our errors, when that is its cause."""
    return _errno_of(error) is not None


def describe(error: BaseException, place: str | os.PathLike[str]) -> str:
    """A sentence for what is missing; a disk is named by its path, with how much of it is free.

    Args:
        error: One for which `is_passing` is true.
        place: A path on the disk that was written to, where the error names none.
    """
    number = _errno_of(error)
    if number not in _ROOM:
        return _PASSING.get(number or 0, str(error))
    return _room(_PASSING[number], _path_of(error) or os.fspath(place))


def reason_of(error: OSError, place: str | os.PathLike[str]) -> str:
    """Why something could not be done, for a sentence that names the place already."""
    if _errno_of(error) not in _ROOM:
        return error.strerror or str(error)
    free = _free_bytes(os.fspath(place))
    return f"{error.strerror}{'' if free is None else f', {_in_words(free)} free'}"


def full_disk(place: str | os.PathLike[str]) -> str | None:
    """The same sentence for a disk that has no room now; None when it has, or cannot be asked."""
    free = _free_bytes(os.fspath(place))
    if free is None or free >= _FULL_BYTES:
        return None
    return _room(_PASSING[errno.ENOSPC], os.fspath(place))


def pauses() -> Iterator[float]:
    """How long to wait before each further try, in seconds; without an end."""
    pause = _SHORTEST_S
    while True:
        yield pause
        pause = min(_LONGEST_S, pause * _GROWTH)


def patiently(
    do: Callable[[], T],
    *,
    is_over: Callable[[], bool] = lambda: False,
    tell: Callable[[OSError | RuntimeError], object] = lambda _: None,
) -> T:
    """What `do()` returns, as soon as nothing is missing for it any more.

    Args:
        do: May be called again after it has failed.
        is_over: True when there is nothing to wait for any more.
        tell: Is told of the first failure.

    Raises:
        OSError: It failed for another reason, or `is_over`; likewise all that `do` raises.
    """
    is_told = False
    for pause in pauses():
        try:
            return do()
        except (
            OSError,
            RuntimeError,
        ) as error:  # a value too large for the memory stays so: no MemoryError
            if not is_passing(error) or is_over():
                raise
            if not is_told:
                tell(error)
                is_told = True
        time.sleep(pause)
    raise AssertionError  # pauses have no end


def _errno_of(error: BaseException | None) -> int | None:
    while error is not None:
        if isinstance(error, OSError) and error.errno in _PASSING:
            return error.errno
        if isinstance(error, MemoryError):
            return errno.ENOMEM
        if isinstance(error, RuntimeError) and _NO_THREAD in str(error):
            return errno.EAGAIN
        error = error.__cause__
    return None


def _path_of(error: BaseException | None) -> str | None:
    while error is not None:
        if isinstance(error, OSError) and isinstance(error.filename, (str, bytes)):
            return os.fsdecode(error.filename)
        error = error.__cause__
    return None


def _room(what: str, place: str) -> str:
    free = _free_bytes(place)
    return f"{what}: {place}" + ("" if free is None else f" ({_in_words(free)} free)")


def _free_bytes(place: str) -> int | None:
    """What a user may still write there; of the nearest folder that exists."""
    while True:
        try:
            found = os.statvfs(place)
        except FileNotFoundError:
            above = os.path.dirname(place)  # noqa: PTH120 - text in, text out
            if above == place:
                return None
            place = above or "."
        except OSError:
            return None
        else:
            return found.f_bavail * found.f_frsize


def _in_words(size_bytes: int) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if size_bytes < _THOUSAND:
            return f"{size_bytes} {unit}"
        size_bytes //= _THOUSAND
    return f"{size_bytes} TB"
