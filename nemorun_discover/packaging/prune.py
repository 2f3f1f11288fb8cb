"""Which stored packages nothing needs, and deleting them."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nemorun_discover.errors import StoreError
from nemorun_discover.packaging.store import load_entries, locked

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

# A launch stores its package before it writes the record that needs it.
GRACE_S = 3600.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Unneeded:
    """What nothing needs.

    Attributes:
        trees: Manifests of packages.
        objects: Contents that only those refer to, and what a crash has left of half-written ones.
        size_bytes: Of all of these.
    """

    trees: tuple[Path, ...]
    objects: tuple[Path, ...]
    size_bytes: int


def unneeded(packages: Path, needed: Collection[str], *, now: float | None = None) -> Unneeded:
    """The packages that nothing needs, and the contents that only they have; nothing is deleted.

    Args:
        packages: `HomeLayout.packages`.
        needed: Digests of the packages that records refer to.
        now: Seconds since 1970; None for the present. What is younger than an hour counts as needed, for
            a launch may be about to write the record that needs it.

    Raises:
        StoreError: A package that is needed is damaged, so that nobody knows its contents.
    """
    before = (time.time() if now is None else now) - GRACE_S
    trees = [
        (path, stat)
        for path, stat in _files(packages / "trees")
        if path.stem not in needed and stat.st_mtime < before
    ]
    old = {path for path, _ in trees}
    kept = [path for path, _ in _files(packages / "trees") if path not in old]
    contents = {
        entry.sha256
        for path in kept
        if path.suffix == ".json"
        for entry in load_entries(packages, path.stem)
        if entry.mode != "link"
    }
    objects = [
        (path, stat)
        for folder in _folders(packages / "objects")
        for path, stat in _files(folder)
        if folder.name + path.name not in contents and stat.st_mtime < before
    ]
    return Unneeded(
        trees=tuple(sorted(old)),
        objects=tuple(sorted(path for path, _ in objects)),
        size_bytes=sum(stat.st_size for _, stat in (*trees, *objects)),
    )


def remove(packages: Path, needed: Collection[str], *, now: float | None = None) -> Unneeded:
    """Delete what `unneeded` finds, while nothing is being stored; returns what was deleted.

    Raises:
        StoreError: A needed package is damaged, or something cannot be deleted.
    """
    if not packages.is_dir():
        return Unneeded(trees=(), objects=(), size_bytes=0)
    try:
        with locked(packages, alone=True):
            found = unneeded(packages, needed, now=now)
            for path in (*found.trees, *found.objects):  # a tree that is there is complete
                path.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"{packages}: cannot be cleared ({error.strerror})") from error
    return found


def _files(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_file(follow_symlinks=False):
                    yield Path(entry.path), entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return


def _folders(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if path.is_dir()]
    except FileNotFoundError:
        return []
