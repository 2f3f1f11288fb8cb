"""Outputs that come from elsewhere: what of them is here already, and how each is put in its place.

A file gathers beside the folder, in `<folder>.part/`, under a name made of what it is to be; so a file that broke off
goes on where it was, and one that has changed meanwhile begins anew.
"""

from __future__ import annotations

import os
import shutil
import stat
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, BinaryIO, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_THOUSAND = 1000
_DIGITS = 32
_OWNERS = 0o700


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """Something in a folder of outputs.

    Attributes:
        path: Below the folder, with slashes.
        kind: As `find -printf %y` says it: a file, a folder, a symbolic link.
        mtime_ns: When it was changed last.
        target: Of a link.
    """

    path: str
    kind: Literal["f", "d", "l"]
    mode: int
    size: int
    mtime_ns: int
    target: str = ""


def entries_of(source: Path) -> Iterator[Entry]:
    """All below a folder, each folder before what is in it; nothing where there is none."""
    for folder, folders, files in os.walk(source, onerror=_refuse_what_is_there):
        for name in sorted((*folders, *files)):
            place = os.path.join(folder, name)  # noqa: PTH118 - a name may be no text
            found = os.lstat(place)
            kind = _kind(found.st_mode)
            if kind is not None:
                yield Entry(
                    path=os.path.relpath(place, source),
                    kind=kind,
                    mode=stat.S_IMODE(found.st_mode),
                    size=found.st_size,
                    mtime_ns=found.st_mtime_ns,
                    target=os.readlink(place) if kind == "l" else "",  # noqa: PTH115 - likewise
                )


def _refuse_what_is_there(error: OSError) -> None:
    """os.walk passes over a folder that it cannot read; one that has gone is nothing."""
    if not isinstance(error, FileNotFoundError):
        raise error


def _kind(mode: int) -> Literal["f", "d", "l"] | None:
    if stat.S_ISREG(mode):
        return "f"
    if stat.S_ISDIR(mode):
        return "d"
    return "l" if stat.S_ISLNK(mode) else None


def is_safe(path: str) -> bool:
    """True for a path that cannot lead out of a folder."""
    return not any(part in ("", ".", "..") for part in path.split("/"))


def part_name(entry: Entry) -> str:
    """What a file is called while its bytes gather: another name for every content it may have."""
    words = f"{entry.path}\0{entry.size}\0{entry.mtime_ns}".encode("utf-8", "surrogateescape")
    return sha256(words).hexdigest()[:_DIGITS]


class Landing:
    """A folder that is to look like one elsewhere. Nothing in it is deleted, but for what stands in the way.

    One process at a time may use it.

    Args:
        folder: The folder; made when something comes.
        parts: Where files gather, on the same file system; None for `<folder>.part` beside it.
    """

    def __init__(self, folder: Path, parts: Path | None = None) -> None:
        self.folder = folder
        self._parts = parts or folder.with_name(f"{folder.name}.part")

    def has(self, entry: Entry) -> bool:
        """True when it is there, and equal as far as size and time tell."""
        try:
            found = (self.folder / entry.path).lstat()
        except OSError:
            return False
        if entry.kind == "l":
            return stat.S_ISLNK(found.st_mode) and self._target(entry) == entry.target
        if entry.kind == "d":
            return stat.S_ISDIR(found.st_mode)
        is_same = found.st_size == entry.size and _micros(found.st_mtime_ns) == _micros(
            entry.mtime_ns
        )
        return stat.S_ISREG(found.st_mode) and is_same

    def part(self, entry: Entry) -> Path:
        """Where the bytes of a file gather."""
        return self._parts / part_name(entry)

    def begun(self, entry: Entry) -> int:
        """How many of them are here."""
        try:
            return min(self.part(entry).stat().st_size, entry.size)
        except OSError:
            return 0

    def gather(self, entry: Entry, *, anew: bool = False) -> BinaryIO:
        """Its bytes so far, open to go on at their end."""
        self._parts.mkdir(mode=_OWNERS, parents=True, exist_ok=True)
        return self.part(entry).open("wb" if anew else "ab")

    def put(self, entry: Entry) -> None:
        """Put what came in its place: a file whose bytes are all here, a link, or a folder."""
        place = self.folder / entry.path
        self._make_way(entry)
        if entry.kind == "d":
            place.mkdir(exist_ok=True)
            place.chmod(entry.mode & 0o777 | _OWNERS)
            return
        part = self.part(entry)
        if entry.kind == "l":
            self._parts.mkdir(mode=_OWNERS, parents=True, exist_ok=True)
            part.unlink(missing_ok=True)
            part.symlink_to(entry.target)
        else:
            part.chmod(entry.mode & 0o777)
            os.utime(part, ns=(entry.mtime_ns, entry.mtime_ns))
        part.replace(place)

    def finish(self) -> None:
        """All has come: nothing is left beside the folder."""
        shutil.rmtree(self._parts, ignore_errors=True)

    def _make_way(self, entry: Entry) -> None:
        """Have real folders above it, and nothing of another kind in its place."""
        self.folder.mkdir(mode=_OWNERS, parents=True, exist_ok=True)
        *above, name = entry.path.split("/")
        folder = self.folder
        for part in above:
            folder /= part
            if folder.is_symlink() or folder.is_file():
                folder.unlink()  # what was a file or a link there has become a folder
            folder.mkdir(exist_ok=True)
        place = folder / name
        if entry.kind == "d":
            if place.is_symlink() or place.is_file():
                place.unlink()
        elif place.is_dir() and not place.is_symlink():
            place.rmdir()

    def _target(self, entry: Entry) -> str:
        return os.readlink(self.folder / entry.path)  # noqa: PTH115 - Path would tidy it


def _micros(time_ns: int) -> int:
    return time_ns // _THOUSAND
