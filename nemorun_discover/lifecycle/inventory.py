"""The experiments of a home, and what each of them needs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from nemorun_discover.errors import StoreError
from nemorun_discover.lifecycle.observe import observe_record
from nemorun_discover.lifecycle.submission import CHECKOUT_NAME_LENGTH
from nemorun_discover.packaging.runtime import runtime_name

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import datetime
    from pathlib import Path

    from nemorun_discover.model.record import Record
    from nemorun_discover.store.home import Home


class Inventory:
    """The experiments of a home, and what each of them needs.

    Args:
        home: Which.
        ended_before: Whole experiments that ended before this may go too; None for none.

    Attributes:
        notes: What stays, and why.
    """

    def __init__(self, home: Home, ended_before: datetime | None = None) -> None:
        self.home = home
        self.notes: list[str] = []
        self._records: dict[str, Record] = {}
        self._ended: dict[str, datetime] = {}
        self._is_complete = True
        self.dangling: list[str] = []
        for one in home.ids() if self._is_own(home.layout.experiments) else ():
            self._look(one)
        self.expired = self._expired(ended_before) if ended_before else []

    def _look(self, experiment_id: str) -> None:
        root = self.home.layout.experiment(experiment_id).root
        if root.is_symlink() and not root.exists():
            self.dangling.append(experiment_id)
            return
        try:
            record = self.home.read_record(experiment_id)
            status = observe_record(self.home, record)
        except StoreError as error:
            self._is_complete = False
            self.notes.append(
                f"no package is removed, as one record cannot be read: {error.message}"
            )
            return
        self._records[experiment_id] = record
        if not root.is_symlink() and all(job.is_settled for job in status.jobs):
            self._ended[experiment_id] = status.ended_at or record.created_at

    def _is_own(self, folder: Path) -> bool:
        """False for a folder that is not there, or that is a link to elsewhere."""
        if folder.is_symlink():
            self.notes.append(f"{folder} is a link, and nothing behind it is removed")
            return False
        return folder.is_dir()

    def _expired(self, before: datetime) -> list[str]:
        """Those that ended before, save those whose results one that stays uses."""
        expired = {one for one, ended_at in self._ended.items() if ended_at < before}
        while used := expired & self._used(self._records.keys() - expired):
            expired -= used
            self.notes += [
                f"{one} stays: a later experiment uses its results" for one in sorted(used)
            ]
        return sorted(expired)

    def _used(self, ids: Collection[str]) -> set[str]:
        """The experiments whose outputs jobs of these read."""
        return {
            place.partition("/")[0]
            for one in ids
            for job in self._records[one].jobs
            for places in job.earlier.values()
            for place in places
        }

    @property
    def over(self) -> list[str]:
        """Experiments that are over and stay."""
        return [one for one in self._ended if one not in self.expired]

    def checkouts(self) -> Iterator[tuple[Path, str]]:
        """The checkouts of jobs of experiments that are over and stay, and the digests of their packages.

        An earlier nemorun made one for all jobs of an experiment that have the same package.
        """
        for one in self.over:
            layout = self.home.layout.experiment(one)
            record = self._records[one]
            places = {
                layout.job(job.slug).code: record.packages[job.executor].digest
                for job in record.jobs
                if job.executor in record.packages
            }
            for place, digest in list(
                places.items()
            ):  # what a driver had left over, or was about to hand on
                places |= dict.fromkeys(place.parent.glob(".code.*"), digest)
            if layout.code.is_dir() and not layout.code.is_symlink():
                digests = [code.digest for code in record.packages.values()]
                places |= {layout.code / name: name for name in os.listdir(layout.code)}  # noqa: PTH208
                places |= {
                    layout.code / digest[:CHECKOUT_NAME_LENGTH]: digest for digest in digests
                }
            yield from (
                (place, digest)
                for place, digest in places.items()
                if place.is_dir() and not place.is_symlink()
            )

    @property
    def packages(self) -> set[str] | None:
        """Digests of the packages that are needed; None when nobody knows, or they lie elsewhere."""
        if not self._is_complete or not self._is_own(self.home.layout.packages):
            return None
        kept = [self._records[one] for one in self._records.keys() - set(self.expired)]
        return {
            code.digest for record in kept for code in record.packages.values() if not code.linked
        }

    @property
    def runtimes(self) -> set[str] | None:
        """Names of the runtimes that are needed, the one of this nemorun among them; None as above."""
        if not self._is_complete or self.home.layout.packages.is_symlink():
            return None
        kept = self._records.keys() - set(self.expired)
        return {runtime_name(), *(self._records[one].runtime for one in kept)}

    def crashes(self) -> list[Path]:
        """The reports of errors."""
        folder = self.home.layout.crashes
        return sorted(folder.iterdir()) if self._is_own(folder) else []
