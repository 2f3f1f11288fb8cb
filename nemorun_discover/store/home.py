"""NEMORUN_HOME: create it, list its experiments, find one by what a user typed."""

from __future__ import annotations

import os
from itertools import groupby
from typing import TYPE_CHECKING

from nemorun_discover.errors import StoreError, UsageError
from nemorun_discover.files import write_atomic
from nemorun_discover.model.ids import MINUTE_LENGTH, is_experiment_id, matching
from nemorun_discover.model.layout import HomeLayout, home_root

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from nemorun_discover.model.record import Record

LAST = "@last"
_AMBIGUOUS_SHOWN = 5

_README = b"""\
This folder belongs to nemorun, the runner of machine-learning tasks (distribution nemorun-discover).

experiments/  one folder an experiment: its record, its events, its logs and outputs. A folder may be
              deleted as a whole once the experiment has ended, unless a rerun of it still reads its results.
packages/     code that jobs run, named by the hash of its content. Without it an experiment cannot be run
              again as it was.
crashes/      reports of nemorun's own errors. May be deleted at any time.

`nemorun prune` deletes what nothing needs any more.
"""


class Home:
    """A NEMORUN_HOME and the experiments in it."""

    def __init__(self, root: Path) -> None:
        self.layout = HomeLayout(root)

    def create(self) -> None:
        """Make the folder (0700) and its README, where they are not there yet.

        Raises:
            StoreError: It cannot be written.
        """
        if self.layout.root.is_file():
            raise StoreError(
                f"{self.layout.root}: is a file, and the home of experiments is a directory",
                hint="set NEMORUN_HOME to a directory you can write",
            )
        try:
            for folder in (self.layout.root, self.layout.experiments, self.layout.packages):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not self.layout.readme.exists():
                write_atomic(self.layout.readme, _README)
        except OSError as error:
            raise cannot_write(self.layout.root, error) from error

    def ids(self) -> list[str]:
        """The ids of all experiments, oldest minute first; no record is read."""
        try:
            with os.scandir(self.layout.experiments) as entries:
                return sorted(entry.name for entry in entries if is_experiment_id(entry.name))
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise StoreError(
                f"{self.layout.experiments}: cannot be read ({error.strerror})"
            ) from error

    def newest_first(self) -> Iterator[str]:
        """All ids, newest first; only those of one minute are looked at on the disk."""
        for _, minute in groupby(reversed(self.ids()), key=lambda one: one[:MINUTE_LENGTH]):
            yield from sorted(minute, key=self._created_ns, reverse=True)

    def find(self, reference: str | None = None) -> str:
        """The id of the experiment that a reference means.

        Args:
            reference: An id, a unique prefix or suffix of one; `@last` or None for the newest.

        Raises:
            UsageError: None, or more than one, is meant.
        """
        ids = self.ids()
        if not ids:
            raise UsageError(
                f"there is no experiment in {self.layout.experiments} yet",
                hint="start one with `nemorun run`",
            )
        if reference in (None, LAST):
            return next(self.newest_first())
        found = matching(str(reference), ids)
        if len(found) == 1:
            return found[0]
        if not found:
            raise UsageError(
                f"no experiment begins or ends with {reference!r}",
                hint="`nemorun experiments` lists them",
            )
        shown = ", ".join(found[-_AMBIGUOUS_SHOWN:])
        raise UsageError(
            f"{reference!r} means {len(found)} experiments: {shown}",
            hint="type more of the id; its last four letters are usually enough",
        )

    def read_record(self, experiment_id: str) -> Record:
        """The record of an experiment.

        Raises:
            StoreError: It is missing, damaged or of a newer version.
        """
        from nemorun_discover.store.record import load_record  # noqa: PLC0415 - a launch starts without it

        return load_record(self.layout.experiment(experiment_id).record)

    def last_of_project(self, root: str) -> str | None:
        """The newest experiment that was started from this project root; None when there is none."""
        for one in self.newest_first():
            try:
                if self.read_record(one).project.root == root:
                    return one
            except StoreError:
                continue
        return None

    def _created_ns(self, experiment_id: str) -> int:
        # The record is written once and never changed: its time is the experiment's.
        try:
            return self.layout.experiment(experiment_id).record.stat().st_mtime_ns
        except OSError:
            return 0


def open_home(env: Mapping[str, str]) -> Home:
    """The home that NEMORUN_HOME names (default `~/.run`); nothing is created."""
    return Home(home_root(env))


def cannot_write(path: Path, error: OSError) -> StoreError:
    """The error for a home that cannot be written."""
    return StoreError(
        f"{path}: cannot be written ({error.strerror})",
        hint="set NEMORUN_HOME to a directory you can write, or free some space",
    )
