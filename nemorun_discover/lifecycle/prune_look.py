"""What of the home nothing needs any more. Nothing is deleted, and no symbolic link is followed."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from nemorun_discover.errors import StoreError
from nemorun_discover.lifecycle.inventory import Inventory
from nemorun_discover.lifecycle.prune_engine import engine_leftovers
from nemorun_discover.model.ids import is_experiment_id
from nemorun_discover.packaging.checkout import contents_of
from nemorun_discover.packaging.prune import GRACE_S, unneeded
from nemorun_discover.packaging.runtime import is_intact
from nemorun_discover.packaging.store import load_entries

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from nemorun_discover.packaging.listing import Entry
    from nemorun_discover.schedulers.docker.leftovers import Leftover
    from nemorun_discover.store.home import Home

CRASHES_KEPT = timedelta(days=30)
# What a launch or a prune that was cut off leaves among the experiments.
_REMAINS_KEPT = timedelta(days=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Removable:
    """Something that nothing needs.

    Attributes:
        kind: `experiment`, `checkout` (but for what its job wrote), `written` (that), `package`, `contents`,
            `runtime`, `crash report`, `remains` or `link`.
        path: Absolute.
        size_bytes: Of all files that go.
        files: What of a checkout goes; empty for all else, which goes as a whole.
        folders: Of a checkout: what goes where it is empty by then, in this order.
    """

    kind: str
    path: Path
    size_bytes: int
    files: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """What a job has written into its checkout, which stays.

    Attributes:
        path: The checkout.
        files: Absolute.
        size_bytes: Of all of them.
    """

    path: Path
    files: tuple[str, ...]
    size_bytes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Pruning:
    """What can go, or has gone.

    Attributes:
        removable: Whole experiments first.
        notes: What stays although it might seem to go, a sentence each.
        kept: What jobs have written into their checkouts.
        in_engine: Containers and networks that Docker's engine has of experiments that are over.
    """

    removable: tuple[Removable, ...]
    notes: tuple[str, ...] = ()
    kept: tuple[Kept, ...] = ()
    in_engine: tuple[Leftover, ...] = ()


def what_to_prune(
    home: Home, now: datetime, older_than: timedelta | None = None, *, written: bool = False
) -> Pruning:
    """What nothing needs.

    Args:
        home: Where.
        now: The time.
        older_than: Also whole experiments that ended this long ago, save those that a younger one needs.
        written: Also what jobs have written into their checkouts.

    Raises:
        StoreError: The home cannot be read, or a package that is needed is damaged.
    """
    inventory = Inventory(home, None if older_than is None else now - older_than)
    in_engine, trouble = engine_leftovers(home, [*inventory.over, *inventory.expired])
    found, kept = checkouts(inventory)
    if written:
        found += [
            Removable(kind="written", path=one.path, size_bytes=one.size_bytes, files=one.files)
            for one in kept
        ]
    return Pruning(
        removable=(
            *(
                _removable("experiment", home.layout.experiment(one).root)
                for one in inventory.expired
            ),
            *found,
            *_packages(inventory, now),
            *runtimes(inventory, now),
            *remains(inventory, now),
        ),
        notes=(*dict.fromkeys(inventory.notes), *trouble),
        kept=() if written else tuple(kept),
        in_engine=tuple(in_engine),
    )


def checkouts(inventory: Inventory) -> tuple[list[Removable], list[Kept]]:
    """The checkouts of jobs of experiments that are over: what is their package's, which stays stored, and the rest."""
    removable: list[Removable] = []
    kept: list[Kept] = []
    packages = inventory.home.layout.packages
    for folder, digest in inventory.checkouts():
        try:
            found = contents_of(folder, _entries(packages, digest))
        except StoreError:
            inventory.notes.append(f"{folder} stays: its package is not stored any more")
            continue
        except OSError as error:
            inventory.notes.append(f"{folder} stays: it cannot be read ({error.strerror})")
            continue
        if found.package or not found.written:
            removable.append(
                Removable(
                    kind="checkout",
                    path=folder,
                    size_bytes=sum(map(size_of_entry, found.package)),
                    files=found.package,
                    folders=(*found.folders, str(folder)),
                )
            )
        if found.written:
            size_bytes = sum(map(size_of_entry, found.written))
            kept.append(Kept(path=folder, files=found.written, size_bytes=size_bytes))
    return removable, kept


@lru_cache(maxsize=8)
def _entries(packages: Path, digest: str) -> tuple[Entry, ...]:
    return load_entries(packages, digest)


def _packages(inventory: Inventory, now: datetime) -> Iterator[Removable]:
    needed = inventory.packages
    if needed is None:
        return
    packages = inventory.home.layout.packages
    found = unneeded(packages, needed, now=now.timestamp())
    trees = [_removable("package", path) for path in found.trees]
    yield from trees
    if found.objects:
        size_bytes = found.size_bytes - sum(one.size_bytes for one in trees)
        yield Removable(kind="contents", path=packages / "objects", size_bytes=size_bytes)


def runtimes(inventory: Inventory, now: datetime) -> Iterator[Removable]:
    """Runtimes that no record needs, and damaged ones, which run nothing; a young one may be about to be needed."""
    needed = inventory.runtimes
    packages = inventory.home.layout.packages
    if needed is None or not packages.is_dir():
        return
    for path in sorted(packages.glob("runtime-*.zip")):
        if not _is_old(path, now, timedelta(seconds=GRACE_S)):
            continue
        if path.name not in needed or not is_intact(path):
            yield _removable("runtime", path)


def remains(inventory: Inventory, now: datetime) -> Iterator[Removable]:
    """Old crash reports, and what a launch or a prune that was cut off has left."""
    for path in inventory.crashes():
        if _is_old(path, now, CRASHES_KEPT):
            yield _removable("crash report", path)
    experiments = inventory.home.layout.experiments
    for one in inventory.dangling:
        yield _removable("link", experiments / one)
    if experiments.is_dir() and not experiments.is_symlink():
        for path in sorted(experiments.glob(".*")):
            if is_experiment_id(path.name[1:]) and _is_old(path, now, _REMAINS_KEPT):
                yield _removable("remains", path)


def _is_old(path: Path, now: datetime, kept: timedelta) -> bool:
    try:
        written = path.lstat().st_mtime
    except OSError:  # somebody else has deleted it
        return False
    return datetime.fromtimestamp(written, UTC) < now - kept


def _removable(kind: str, path: Path) -> Removable:
    return Removable(kind=kind, path=path, size_bytes=size_of(path))


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files below a folder; links count for themselves."""
    try:
        own = path.lstat()
    except OSError:
        return 0
    if not stat.S_ISDIR(own.st_mode):
        return own.st_size
    return sum(
        size_of_entry(os.path.join(folder, name))  # noqa: PTH118 - many thousands of them
        for folder, _, names in os.walk(path)
        for name in names
    )


def size_of_entry(path: str) -> int:
    """Bytes of one file; 0 for one that is gone."""
    try:
        return os.lstat(path).st_size
    except OSError:
        return 0
