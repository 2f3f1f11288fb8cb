"""Delete what of the home nothing needs any more.

Nothing is reached through a symbolic link. Whoever deletes something of an experiment holds its driver's
lock, so that nobody carries it on meanwhile; packages and runtimes are deleted while no launch stores any,
and one that was used within the hour stays, for the record that needs it may not be written yet.
"""

from __future__ import annotations

import os
import secrets
import shutil
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from nemorun_discover.errors import ExecutorRefused
from nemorun_discover.lifecycle.inventory import Inventory
from nemorun_discover.lifecycle.observe import observe
from nemorun_discover.lifecycle.prune_engine import remove_from_engine
from nemorun_discover.lifecycle.prune_look import Pruning, Removable, what_to_prune
from nemorun_discover.packaging.prune import remove
from nemorun_discover.packaging.store import locked
from nemorun_discover.store.lock import try_lock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime, timedelta

    from nemorun_discover.schedulers.docker.leftovers import Leftover
    from nemorun_discover.store.home import Home

_OF_PACKAGES = ("package", "contents")


def prune(
    home: Home, now: datetime, older_than: timedelta | None = None, *, written: bool = False
) -> Pruning:
    """Delete what `what_to_prune` finds.

    Args:
        home: Where.
        now: The time.
        older_than: As there.
        written: As there.

    Returns:
        What was deleted; what could not be is in the notes.

    Raises:
        StoreError: The home cannot be read or is another user's, or a package that is needed is damaged.
    """
    home.require_own()
    found = what_to_prune(home, now, older_than, written=written)
    gone: list[Removable] = []
    notes = list(found.notes)
    in_engine = _remove_from_engine(found, notes)
    for one in found.removable:
        if one.kind in _OF_PACKAGES:
            continue
        try:
            if _delete(home, one):
                gone.append(one)
            else:
                notes.append(f"{one.path} stays: its experiment is being carried on")
        except OSError as error:
            notes.append(f"{one.path} cannot be deleted ({error.strerror})")
    gone += _delete_packages(home, found, now)
    return replace(found, removable=tuple(gone), notes=tuple(notes), in_engine=in_engine)


def _remove_from_engine(found: Pruning, notes: list[str]) -> tuple[Leftover, ...]:
    """Before the experiments, which say whose they are."""
    gone = []
    for one in found.in_engine:
        try:
            remove_from_engine(one)
        except ExecutorRefused as error:
            notes.append(f"the {one.kind} stays: {error.message}")
        else:
            gone.append(one)
    return tuple(gone)


def _delete(home: Home, one: Removable) -> bool:
    """False when somebody carries the experiment on."""
    if one.kind == "experiment":
        return _delete_experiment(home, one.path)
    if one.kind in ("checkout", "written"):
        experiment_id = one.path.relative_to(home.layout.experiments).parts[0]
        with _nobody_drives(home, experiment_id) as is_free:
            if is_free:
                _delete_files(one)
            return is_free
    if one.kind == "runtime":
        with locked(home.layout.packages, alone=True):
            one.path.unlink(missing_ok=True)
    elif one.path.is_dir() and not one.path.is_symlink():
        shutil.rmtree(one.path)
    else:
        one.path.unlink(missing_ok=True)
    return True


def _delete_files(one: Removable) -> None:
    """The files that were found, and folders that are empty without them."""
    for path in one.files:
        if os.path.isdir(path) and not os.path.islink(path):  # noqa: PTH112, PTH114 - thousands of them
            _remove_if_empty(path)
        else:
            Path(path).unlink(missing_ok=True)
    parents = {
        str(folder)
        for path in one.files
        for folder in Path(path).parents
        if one.path in folder.parents
    }
    for folder in (
        *one.folders,
        *sorted(parents, key=len, reverse=True),
        str(one.path),
        str(one.path.parent),
    ):
        _remove_if_empty(folder)


def _remove_if_empty(folder: str) -> None:
    with suppress(OSError):
        Path(folder).rmdir()


def _delete_experiment(home: Home, root: Path) -> bool:
    """It disappears from the list in one step; what a crash leaves of it afterwards is removed next time."""
    gone = root.with_name(f".{root.name}.{secrets.token_hex(4)}")
    with _nobody_drives(home, root.name) as is_free:
        if not is_free:
            return False
        root.rename(gone)
    shutil.rmtree(gone)
    return True


@contextmanager
def _nobody_drives(home: Home, experiment_id: str) -> Iterator[bool]:
    """Hold the driver's lock of an experiment that is over; False when it is driven, or not over."""
    lock = try_lock(home.layout.experiment(experiment_id).driver_lock)
    if lock is None:
        yield False
        return
    try:
        yield all(job.is_settled for job in observe(home, experiment_id).jobs)
    finally:
        os.close(lock)


def _delete_packages(home: Home, found: Pruning, now: datetime) -> list[Removable]:
    """What was found of packages, after another look at which of them are needed by now."""
    listed = [one for one in found.removable if one.kind in _OF_PACKAGES]
    needed = Inventory(home).packages if listed else None
    if needed is None:
        return []
    removed = remove(home.layout.packages, needed, now=now.timestamp())
    paths = {*removed.trees, *([home.layout.packages / "objects"] if removed.objects else [])}
    return [one for one in listed if one.path in paths]
