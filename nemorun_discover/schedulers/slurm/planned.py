"""Which jobs go together in one sbatch: written down before they go, so that whoever goes on sends the same.

A batch script is found again on the cluster by its key, and its key is made of its jobs. A driver that takes over
may have other jobs at hand than the one that died; it must not make other arrays of those that may have arrived.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from nemorun_discover.documents import SlurmUnit, read_object
from nemorun_discover.errors import DamagedFile, UnreadableFile
from nemorun_discover.files import write_json
from nemorun_discover.schedulers.slurm.units import attempt_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from nemorun_discover.schedulers.protocol import Submission
    from nemorun_discover.schedulers.slurm.units import Unit


class Planned:
    """The units of an experiment that hold several jobs; one alone has always the same name.

    Only the experiment's driver writes them, so what was read once is known.

    Args:
        folder: `slurm/units` of the experiment on this machine.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: list[tuple[str, str, Mapping[str, str | None]]] | None = None

    def write(self, unit: Unit, native_ids: Mapping[str, str] | None = None) -> None:
        """Write a unit down: that it is about to go, or the ids of its jobs.

        Args:
            unit: Which.
            native_ids: By attempt (`attempt_key`); None when they are not known yet.
        """
        if len(unit.submissions) == 1:
            return
        self._known = None
        ids = native_ids or {}
        attempts = {key: ids.get(key) for key in map(attempt_key, unit.submissions)}
        with suppress(OSError):  # a full disk
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_json(self._folder / f"{unit.name}.json", {"key": unit.key, "attempts": attempts})

    def names(self) -> dict[str, str]:
        """By attempt, the name of its unit."""
        return {attempt: name for name, _, attempts in self._read() for attempt in attempts}

    def found(self, submission: Submission) -> tuple[str, str] | None:
        """Key and native id of an attempt that has arrived; None for one of which that is not known."""
        wanted = attempt_key(submission)
        for _, key, attempts in self._read():
            native_id = attempts.get(wanted)
            if native_id is not None:
                return key, native_id
        return None

    def _read(self) -> list[tuple[str, str, Mapping[str, str | None]]]:
        """Name, key, and native ids by attempt."""
        if self._known is None:
            read = {path.stem: _unit_of(path) for path in _files(self._folder)}
            self._known = [
                (name, document["key"], document["attempts"])
                for name, document in read.items()
                if document is not None
            ]
        return self._known


def _unit_of(path: Path) -> dict[str, Any] | None:
    """One that is damaged is as one that was never written: its jobs go alone, and each is looked for by its key."""
    try:
        return read_object(path, SlurmUnit)
    except (DamagedFile, UnreadableFile):
        return None


def _files(folder: Path) -> Iterable[Path]:
    try:
        return sorted(one for one in folder.iterdir() if one.suffix == ".json")
    except OSError:
        return ()
