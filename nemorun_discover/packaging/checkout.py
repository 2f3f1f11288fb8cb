"""A stored package as a folder of real files, which a job may write to; and what it has written there."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import secrets
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nemorun_discover.errors import StoreError
from nemorun_discover.files import write_whole
from nemorun_discover.packaging.gathered import folders_of
from nemorun_discover.packaging.ignoring import BYTECODE
from nemorun_discover.packaging.listing import shown
from nemorun_discover.packaging.store import load_entries, object_path

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from nemorun_discover.packaging.listing import Entry

# ioctl_ficlonerange(2): share the blocks of a file; linux/fs.h has _IOW(0x94, 9, int).
_FICLONE = 0x40049409
_CHUNK = 1 << 20
_PERMISSIONS = {"file": 0o666, "exec": 0o777}  # before the umask


def checkout(packages: Path, digest: str, destination: Path) -> None:
    """Lay a package out as a folder.

    The folder appears whole: it is made beside its place and renamed. One that is there already is taken as
    done, also when another process has made it meanwhile.

    Args:
        packages: `HomeLayout.packages`.
        digest: Of the package.
        destination: The folder; its parent is made if it is not there.

    Raises:
        StoreError: The package is missing or damaged, or the folder cannot be written.
    """
    if destination.exists():
        return
    entries = load_entries(packages, digest)
    temporary = destination.with_name(f".{destination.name}.{secrets.token_hex(4)}")
    try:
        temporary.mkdir(mode=0o700, parents=True)
        _fill(temporary, packages, entries)
        _appear(temporary, destination)
    except OSError as error:
        raise StoreError(
            f"{destination}: the code cannot be laid out there ({error.strerror})",
            hint="free some space, or set NEMORUN_HOME to a directory you can write",
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def lay_out_again(packages: Path, digest: str, folder: Path, paths: Collection[str]) -> None:
    """Lay out some files of a package again, where they are missing in its folder.

    Raises:
        StoreError: The package is missing or damaged.
        OSError: The folder cannot be written.
    """
    if paths:
        _fill(
            folder,
            packages,
            tuple(one for one in load_entries(packages, digest) if one.path in paths),
        )


def _appear(temporary: Path, destination: Path) -> None:
    try:
        temporary.rename(destination)
    except OSError:
        if not destination.is_dir():
            raise


def _fill(folder: Path, packages: Path, entries: tuple[Entry, ...]) -> None:
    for below in sorted(folders_of(entry.path for entry in entries)):
        (folder / below).mkdir(mode=0o700, exist_ok=True)
    for entry in entries:
        place = f"{folder}/{entry.path}"
        if entry.mode == "link":
            os.symlink(entry.target or "", place)  # noqa: PTH211 - the target's very bytes
        else:
            _copy(object_path(packages, entry.sha256), place, entry)


def _copy(source: str, place: str, entry: Entry) -> None:
    """Copy a content, sharing its blocks where the file system can, and see that it is what it was.

    Raises:
        StoreError: It is missing or damaged.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    chunk = min(_CHUNK, entry.size + 1)
    digest = hashlib.sha256()
    try:
        content = open(source, "rb", buffering=0)  # noqa: PTH123, SIM115 - see object_path; closed below
    except FileNotFoundError as error:
        raise _damaged(source, entry, "is missing") from error
    with content, os.fdopen(os.open(place, flags, _PERMISSIONS[entry.mode]), "wb", 0) as copy:
        is_clone = _clone(content.fileno(), copy.fileno())
        while piece := content.read(chunk):
            digest.update(piece)
            if not is_clone:
                write_whole(copy.fileno(), piece)
    if digest.hexdigest() != entry.sha256:
        raise _damaged(source, entry, "is damaged")


def _clone(source: int, copy: int) -> bool:
    with contextlib.suppress(OSError):
        fcntl.ioctl(copy, _FICLONE, source)
        return True
    return False


def _damaged(source: str, entry: Entry, what: str) -> StoreError:
    return StoreError(
        f"{source}: the stored content of {shown(entry.path)} {what}",
        hint="delete it and the folder trees beside objects; the next launch of the same code stores both",
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Contents:
    """What a checkout holds after its job.

    Attributes:
        package: The files that are the package's, and Python's bytecode: all of it can be made again.
        folders: The folders of those, the innermost first.
        written: What the job made or changed: files, links, and folders of its own that are empty.
    """

    package: tuple[str, ...]
    folders: tuple[str, ...]
    written: tuple[str, ...]


def contents_of(folder: Path, entries: tuple[Entry, ...]) -> Contents:
    """What a checkout holds; each file of the package is read, to see that it is still that. No link is followed.

    Args:
        folder: The checkout.
        entries: Of its package.
    """
    known = {entry.path: entry for entry in entries}
    own_folders = folders_of(known)
    package, folders, written = [], [], []
    for path, is_folder in _walk(folder, ""):
        place = f"{folder}/{path}"
        if is_folder and (path in own_folders or path.rpartition("/")[2] == BYTECODE):
            folders.append(place)
        elif is_folder:
            with os.scandir(place) as inside:
                written += [] if any(inside) else [place]
        elif _is_bytecode(path) or (path in known and _is_as_stored(place, known[path])):
            package.append(place)
        else:
            written.append(place)
    return Contents(package=tuple(package), folders=tuple(folders), written=tuple(written))


def _walk(folder: Path, below: str) -> Iterator[tuple[str, bool]]:
    """Paths in the folder, what is in a folder before that."""
    with os.scandir(f"{folder}/{below}") as entries:
        for entry in sorted(entries, key=lambda one: one.name):
            path = below + entry.name
            is_folder = entry.is_dir(follow_symlinks=False)
            if is_folder:
                yield from _walk(folder, f"{path}/")
            yield path, is_folder


def _is_bytecode(path: str) -> bool:
    return path.endswith(".pyc") and path.split("/")[-2:-1] == [BYTECODE]


def _is_as_stored(place: str, entry: Entry) -> bool:
    try:
        if entry.mode == "link":
            return os.readlink(place) == entry.target  # noqa: PTH115 - the target's very bytes
        if os.path.islink(place) or os.lstat(place).st_size != entry.size:  # noqa: PTH114 - as above
            return False
        with open(place, "rb", buffering=0) as file:  # noqa: PTH123 - as above
            return hashlib.file_digest(file, "sha256").hexdigest() == entry.sha256
    except OSError:
        return False
