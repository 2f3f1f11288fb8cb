"""A stored package as a folder of real files, which jobs may write to."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import secrets
import shutil
from typing import TYPE_CHECKING

from nemorun_discover.errors import StoreError
from nemorun_discover.files import write_whole
from nemorun_discover.packaging.gathered import folders_of
from nemorun_discover.packaging.listing import shown
from nemorun_discover.packaging.store import load_entries, object_path

if TYPE_CHECKING:
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
