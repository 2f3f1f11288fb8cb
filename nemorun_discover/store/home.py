"""NEMORUN_HOME: create it, list its experiments, find one by what a user typed."""

from __future__ import annotations

import os
from contextlib import suppress
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from nemorun_discover.errors import StoreError, UsageError
from nemorun_discover.files import write_atomic
from nemorun_discover.model.ids import MINUTE_LENGTH, is_experiment_id, matching
from nemorun_discover.model.layout import KEPT, HomeLayout, home_root
from nemorun_discover.shortage import reason_of
from nemorun_discover.store.owner import require_own

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from nemorun_discover.model.record import Record
    from nemorun_discover.store.scope import Scope

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


def whole_home() -> Scope:
    """Every experiment of the home."""
    from nemorun_discover.store.scope import Scope  # noqa: PLC0415 - a launch starts without it

    return Scope(why="of all projects")


class Home:
    """A NEMORUN_HOME and the experiments in it."""

    def __init__(self, root: Path) -> None:
        self.layout = HomeLayout(root)

    def create(self) -> None:
        """Make the folder (0700) and its README, where they are not there yet.

        Raises:
            StoreError: It cannot be written, belongs to another user, or others can write there.
        """
        if self.layout.root.is_file():
            raise StoreError(
                f"{self.layout.root}: is a file, and the home of experiments is a directory",
                hint="set NEMORUN_HOME to a directory you can write",
            )
        self.require_own()
        try:
            for folder in (self.layout.root, self.layout.experiments, self.layout.packages):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not self.layout.readme.exists():
                write_atomic(self.layout.readme, _README)
        except OSError as error:
            raise cannot_write(self.layout.root, error) from error

    def folders(self) -> list[Path]:
        """Every directory with what nemorun keeps: none is code of a project, wherever the home lies.

        The home's own directories are named too, for one that is a project's root at once; and the folders of
        experiments that lie elsewhere (`base_dir`).
        """
        found = [self.layout.root, *(self.layout.root / one for one in KEPT)]
        with suppress(OSError), os.scandir(self.layout.experiments) as entries:
            found += [Path(os.path.realpath(one.path)) for one in entries if one.is_symlink()]
        return found

    def require_own(self, experiment_id: str | None = None) -> None:
        """See that what lies here, and in this experiment's folder, is the caller's: else it is only read.

        Raises:
            StoreError: It belongs to another user, or others can write there.
        """
        layout = self.layout
        own = [layout.experiment(experiment_id).root] if experiment_id else []
        require_own([layout.root, layout.experiments, layout.packages, *own])

    def is_own(self, experiment_id: str) -> bool:
        """False where `require_own` refuses."""
        try:
            self.require_own(experiment_id)
        except StoreError:
            return False
        return True

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

    def scope(
        self,
        directory: Path,
        env: Mapping[str, str],
        *,
        file: Path | None = None,
        all_projects: bool = False,
    ) -> Scope:
        """Whose experiments are meant in a directory; the arguments are those of `scope_of`.

        Raises:
            ConfigError: The configuration that was named does not exist.
        """
        from nemorun_discover.store.scope import scope_of  # noqa: PLC0415 - a launch starts without it

        recorded = (self.project_of(one) for one in self.ids())
        return scope_of(directory, env, recorded, file=file, all_projects=all_projects)

    def newest_of(self, scope: Scope) -> Iterator[str]:
        """The ids of a scope's experiments, newest first."""
        for one in self.newest_first():
            if scope.root is None or scope.holds(self.project_of(one)):
                yield one

    def project_of(self, experiment_id: str) -> str | None:
        """The directory of the project it was started from; None when its record does not tell."""
        from nemorun_discover.store.scope import project_in  # noqa: PLC0415 - likewise

        return project_in(self.layout.experiment(experiment_id).record)

    def find(
        self,
        reference: str | None = None,
        scope: Callable[[], Scope] = whole_home,
        tell: Callable[[str], None] = lambda _: None,
    ) -> str:
        """The id of the experiment that a reference means.

        Args:
            reference: An id, a unique prefix or suffix of one, wherever it was started; of several that
                match, the only one of the scope. `@last` or None for the newest of the scope.
            scope: Whose experiments `@last` means; asked for only where that matters.
            tell: Is given a sentence where the whole home was looked at, or a record could not be read.

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
            return self._last(scope(), tell)
        found = matching(str(reference), ids)
        own = found if len(found) == 1 else [one for one in found if self.is_of(one, scope())]
        if len(own) == 1:
            return own[0]
        if not found:
            raise UsageError(
                f"no experiment begins or ends with {reference!r}",
                hint="`nemorun experiments` lists them, `-a` those of all projects",
            )
        shown = ", ".join(found[-_AMBIGUOUS_SHOWN:])
        raise UsageError(
            f"{reference!r} means {len(found)} experiments: {shown}",
            hint="type more of the id; its last four letters are usually enough",
        )

    def is_of(self, experiment_id: str, scope: Scope) -> bool:
        """True when the experiment was started from the project that the scope names."""
        return scope.root is not None and scope.holds(self.project_of(experiment_id))

    def _last(self, scope: Scope, tell: Callable[[str], None]) -> str:
        if scope.root is None:
            last = next(self.newest_first())
            tell(
                f"{scope.why} in {self.layout.root} the last is {last}"
                f" ({self.project_of(last) or 'its record cannot be read'})"
            )
            return last
        unreadable: list[str] = []
        for one in self.newest_first():
            project = self.project_of(one)
            if scope.holds(project):
                for other in unreadable:
                    tell(f"{other} is passed over: its record cannot be read")
                return one
            if project is None:
                unreadable.append(one)
        raise UsageError(
            f"there is no experiment of {scope.root} yet",
            hint="start one with `nemorun run`; -a looks at those of all projects, as of one that was moved",
        )

    def read_record(self, experiment_id: str) -> Record:
        """The record of an experiment.

        Raises:
            StoreError: It is missing, damaged or of a newer version.
        """
        from nemorun_discover.store.record import load_record  # noqa: PLC0415 - a launch starts without it

        return load_record(self.layout.experiment(experiment_id).record)

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
        f"{path}: cannot be written ({reason_of(error, path)})",
        hint="set NEMORUN_HOME to a directory you can write, or free some space",
    )
