"""The driver's lock: whoever holds it carries the experiment on.

It is handed from the process that starts a driver to the driver itself, as an open descriptor, so that
there is no moment in which a third process could take it.
"""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from nemorun_discover.store.home import cannot_write

if TYPE_CHECKING:
    from pathlib import Path

HAND_OVER_S = 5.0
_POLL_S = 0.02
_NOTE_BYTES = 4096  # a block of most file systems


def try_lock(path: Path) -> int | None:
    """Take the lock; its descriptor, or None when another process holds it.

    Raises:
        StoreError: The file cannot be made, or its file system has no locks.
    """
    try:
        return take_lock(path)
    except BlockingIOError:
        return None
    except OSError as error:
        raise cannot_write(path.parent, error) from error


def is_held(path: Path) -> bool:
    """True while a process holds the lock; it is not taken, and its file not made."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False


def take_lock(path: Path) -> int:
    """Take the lock; its descriptor.

    Raises:
        BlockingIOError: Another process holds it.
        OSError: The file cannot be made, or its file system has no locks.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def reserve_note(descriptor: int) -> None:
    """Make room in the lock's file for what its holder waits for: it is to be told when the disk is full.

    Raises:
        OSError: There is no room for it.
    """
    os.pwrite(descriptor, b" " * _NOTE_BYTES, 0)


def write_note(descriptor: int, sentence: str | None) -> None:
    """Write down what the holder waits for, over what stands there: that takes no room, and no new descriptor."""
    text = (sentence or "").encode("utf-8", "replace")[: _NOTE_BYTES - 1]
    with suppress(OSError):  # a file system that writes elsewhere first (btrfs), when it is full
        os.pwrite(descriptor, text.ljust(_NOTE_BYTES), 0)


def read_note(path: Path) -> str | None:
    """What the holder of the lock waits for; None when it waits for nothing, and when nobody holds the lock."""
    try:
        text = path.read_bytes().decode("utf-8", "replace").strip()
    except OSError:
        return None
    return text if text and is_held(path) else None


def hold_lock(descriptor: int) -> bool:
    """Keep a lock that was handed over; False when another process got it.

    On a local disk the descriptor brings the lock along. On NFS it does not (flock is a lock of the
    process there, see flock(2)), and it is free as soon as the process that handed it over has let go.
    """
    deadline = time.monotonic() + HAND_OVER_S
    while not _take(descriptor):
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
    return True


def _take(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
