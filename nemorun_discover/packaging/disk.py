"""The files of this machine: how they are now, and what is still known of their content from the last time.

What is known lies in the platform's cache directory, a file for each project and packager: a line with the
format, a checksum, the number of files, their records, and their paths with zero bytes between them. It is read
whole and replaced whole, so two processes at once leave the one's or the other's. It is never required, and not
believed where it could be wrong: a damaged one is an empty one, and a file that was written so lately that it
could be written again without a trace is read again.
"""

from __future__ import annotations

import contextlib
import os
import time
import zlib
from hashlib import blake2b
from stat import S_ISLNK, S_ISREG
from struct import Struct
from typing import TYPE_CHECKING

from nemorun_discover.files import write_atomic

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    # mtime and ctime in ns, size, inode, mode, SHA-256; a plain tuple, for 10,000 of them are made in 5 ms
    State = tuple[int, int, int, int, int, bytes]

_FORMAT = b"nemorun.hashes/1\n"
_HEAD = Struct("<II")
_RECORD = Struct("<qqqQI32s")
# A file that is written twice within one tick of the file system's clock looks the same after both: 4 to 10 ms
# on Linux; a second, or two, where a time has no part smaller than that.
_TICK_NS = 100_000_000
_COARSE_TICK_NS = 2_000_000_000
_SECOND_NS = 1_000_000_000
# To write what is known of 10,000 files takes the time of reading 200 small ones, or 20 MB.
_WORTH = 50
_WORTH_BYTES = 4_000_000
_BLOB = "blob "  # before the id of one; paths are absolute
UNKNOWN = b""


class Disk:
    """What is known of files, by absolute path.

    Attributes:
        states: Of the files and links that were looked at, and of nothing else; the hash of one that is
            not read yet is UNKNOWN.
    """

    def __init__(self, directory: Path | None, name: str) -> None:
        """Without `directory` nothing is known, and nothing is kept; `name` is the project's and packager's."""
        digest = blake2b(os.fsencode(name), digest_size=16).hexdigest()
        self._path = None if directory is None else directory / f"hashes-{digest}"
        self._known: dict[str, State] = {}
        self._young: set[str] = set()
        self._is_loaded = self._has_looked = False
        self._new = self._new_bytes = 0
        self.states: dict[str, State] = {}

    def load(self) -> None:
        """Read what is known, once."""
        if self._path is not None and not self._is_loaded:
            with contextlib.suppress(OSError):
                self._known = _parse(self._path.read_bytes())
        self._is_loaded = True

    def look(self) -> None:
        """Look at every file that something is known of, once: best done while git is at work."""
        if self._has_looked:
            return
        self.load()
        self._has_looked = True
        lstat = os.lstat
        states = self.states
        # Bytes spare lstat the encoding of each path: a tenth of its time.
        raw = os.fsencode("\0".join(self._known)).split(b"\0") if self._known else ()
        for path, (place, known) in zip(raw, self._known.items(), strict=True):
            try:
                now = lstat(path)
            except OSError:
                continue
            mtime_ns, ctime_ns, size, inode, mode, _ = known
            # Of all that is done once for each of 10,000 files, only this lstat takes longer.
            if (
                ctime_ns == now.st_ctime_ns
                and mtime_ns == now.st_mtime_ns
                and size == now.st_size
                and inode == now.st_ino
                and mode == now.st_mode
            ):
                states[place] = known

    def see(self, place: str) -> int:
        """The mode (`st_mode`) of what is there, looked at only when it is not known.

        Raises:
            OSError: Nothing is there, or a directory on the way cannot be read.
        """
        state = self.states.get(place)
        if state is not None:
            return state[4]
        now = os.lstat(place)
        if S_ISREG(now.st_mode) or S_ISLNK(now.st_mode):
            self.states[place] = (*stamp_of(now), UNKNOWN)
        return now.st_mode

    def put(self, place: str, now: os.stat_result, sha256: str) -> State:
        """Note the content of a file that was read just now."""
        state = self.states[place] = (*stamp_of(now), bytes.fromhex(sha256))
        self._new += 1
        self._new_bytes += now.st_size
        if not is_settled(now.st_ctime_ns):
            self._young.add(place)
        return state

    def blob(self, blob: str) -> str | None:
        """The hash of a blob's content; None when it is not known."""
        known = self._known.get(_BLOB + blob)
        return known[5].hex() if known else None

    def put_blob(self, blob: str, sha256: str) -> None:
        """Note the content of a blob."""
        self._known[_BLOB + blob] = (0, 0, 0, 0, 0, bytes.fromhex(sha256))
        self._new += 1

    def save(self, places: Iterable[str], blobs: Iterable[str]) -> None:
        """Keep what is known of these files and blobs, if enough of it is new.

        A few small files among thousands are sooner read again than everything is written. A directory
        that cannot be written is left alone.
        """
        is_little = self._new * _WORTH < len(self._known) and self._new_bytes < _WORTH_BYTES
        if self._path is None or not self._new or is_little:
            return
        seen = {place: self.states[place] for place in places if place not in self._young}
        records = {place: state for place, state in seen.items() if state[5] != UNKNOWN}
        records |= {_BLOB + blob: self._known[_BLOB + blob] for blob in blobs}
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_atomic(self._path, _format(records))


def stamp_of(now: os.stat_result) -> tuple[int, int, int, int, int]:
    """What changes when a file is written, replaced, or given another mode."""
    return (now.st_mtime_ns, now.st_ctime_ns, now.st_size, now.st_ino, now.st_mode)


def is_settled(changed_ns: int) -> bool:
    """True when a file of this ctime cannot be written any more without another ctime, which nobody can set."""
    tick_ns = _TICK_NS if changed_ns % _SECOND_NS else _COARSE_TICK_NS
    return time.time_ns() - changed_ns > tick_ns


def _format(records: dict[str, State]) -> bytes:
    names = os.fsencode("\0".join(records))
    body = b"".join(_RECORD.pack(*record) for record in records.values()) + names
    return _FORMAT + _HEAD.pack(zlib.crc32(body), len(records)) + body


def _parse(content: bytes) -> dict[str, State]:
    start = len(_FORMAT) + _HEAD.size
    if not content.startswith(_FORMAT) or len(content) < start:
        return {}
    checksum, count = _HEAD.unpack_from(content, len(_FORMAT))
    body = memoryview(content)[start:]
    end = count * _RECORD.size
    if zlib.crc32(body) != checksum or len(body) < end:
        return {}
    names = os.fsdecode(bytes(body[end:])).split("\0")
    return dict(zip(names, _RECORD.iter_unpack(body[:end]), strict=False)) if count else {}
