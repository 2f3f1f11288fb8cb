"""What `nemorun doctor` looks at: this machine, the home and the project."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
from contextlib import closing, suppress
from typing import TYPE_CHECKING

from nemorun_discover.cli.project import open_project
from nemorun_discover.errors import ExecutorRefused, NemorunError, StoreError
from nemorun_discover.model.check import Check, Verdict
from nemorun_discover.packaging.runtime import is_intact
from nemorun_discover.store.home import Home
from nemorun_discover.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from nemorun_discover.cli.project import OpenProject
    from nemorun_discover.cli.settings import Settings

_GIB = 1024**3
_SCARCE_BYTES = _GIB
_TOO_FEW_BYTES = 50 * 1024**2
_OTHERS_MAY = 0o077


def check_python() -> Check:
    """Which Python, and which nemorun."""
    message = f"nemorun {__version__} on Python {platform.python_version()} ({sys.executable})"
    return Check(name="python", verdict=Verdict.OK, message=message)


def check_home(root: Path) -> Check:
    """Whether NEMORUN_HOME can be written, and by nobody else."""
    remedy = "set NEMORUN_HOME to a directory you can write"
    place = _nearest_existing(root)
    try:
        with tempfile.NamedTemporaryFile(dir=place, prefix=".nemorun-doctor-") as file:
            file.write(b"\0" * 4096)
            file.flush()
    except OSError as error:
        message = f"{root} cannot be written ({error.strerror})"
        return Check(name="home", verdict=Verdict.FAIL, message=message, remedy=remedy)
    if place != root:
        message = f"{root} is not there yet; the first run makes it"
        return Check(name="home", verdict=Verdict.OK, message=message)
    try:
        Home(root).require_own()
    except StoreError as error:
        return Check(name="home", verdict=Verdict.FAIL, message=error.message, remedy=error.hint)
    if root.stat().st_mode & _OTHERS_MAY:
        message = f"{root} can be written, and looked into by others"
        return Check(name="home", verdict=Verdict.WARN, message=message, remedy=f"chmod 700 {root}")
    return Check(name="home", verdict=Verdict.OK, message=f"{root} can be written")


def check_runtimes(root: Path) -> Iterator[Check]:
    """Whether what runs the jobs is intact; nothing where there is none yet."""
    found = sorted((root / "packages").glob("runtime-*.zip"))
    damaged = [path for path in found if not is_intact(path)]
    for path in damaged:
        remedy = f"rm {path}: the next run makes this version's again"
        yield Check(
            name="runtime", verdict=Verdict.FAIL, message=f"{path} is damaged", remedy=remedy
        )
    if found and not damaged:
        yield Check(name="runtime", verdict=Verdict.OK, message="what runs the jobs is intact")


def check_space(root: Path) -> Check:
    """How much room the home's disk has."""
    free = shutil.disk_usage(_nearest_existing(root)).free
    message = f"{free / _GIB:.1f} GiB free for {root}"
    if free >= _SCARCE_BYTES:
        return Check(name="space", verdict=Verdict.OK, message=message)
    verdict = Verdict.FAIL if free < _TOO_FEW_BYTES else Verdict.WARN
    remedy = "delete old experiments, or set NEMORUN_HOME to a larger disk"
    return Check(name="space", verdict=verdict, message=message, remedy=remedy)


def check_git(env: Mapping[str, str]) -> Check:
    """Whether git is there."""
    git = shutil.which("git", path=env.get("PATH"))
    if git:
        return Check(name="git", verdict=Verdict.OK, message=git)
    return Check(
        name="git",
        verdict=Verdict.WARN,
        message="git is not on PATH: records will lack commit and diff",
        remedy="install git",
    )


def check_clusters(experiments: Path) -> Iterator[Check]:
    """The clusters that were started for jobs and are still up; nothing where there was none."""
    if not any(experiments.glob("[!.]*/clusters.json")):
        return
    from nemorun_discover.schedulers.skypilot.leftover import left_up  # noqa: PLC0415 - few have one

    try:
        found = left_up(experiments)
    except NemorunError as error:
        yield Check(name="clusters", verdict=Verdict.WARN, message=error.message, remedy=error.hint)
        return
    for one in found:
        remedy = f"`sky down {one.name}` ends it now"
        yield Check(name="clusters", verdict=Verdict.WARN, message=one.sentence, remedy=remedy)
    if not found:
        yield Check(name="clusters", verdict=Verdict.OK, message="none of ours is up")


def check_project(settings: Settings) -> Iterator[Check]:
    """Whether the configuration, its profiles and the task files can be read."""
    try:
        project = open_project(settings)
    except NemorunError as error:
        yield _failed("config", error)
        return
    file = project.config.file
    if file is None:
        yield Check(
            name="config",
            verdict=Verdict.WARN,
            message=f"no nemorun.toml at {settings.directory} or above",
            remedy="`nemorun init` writes one",
        )
    else:
        yield Check(name="config", verdict=Verdict.OK, message=str(file))
    yield from _check_profiles(project)
    yield from _check_machine(project)
    yield _check_tasks(project)


def _check_profiles(project: OpenProject) -> Iterator[Check]:
    problems = project.profile_problems()
    for problem in problems:
        yield _failed("profiles", problem)
    if not problems:
        names = ", ".join(one.name for one in project.executors)
        yield Check(name="profiles", verdict=Verdict.OK, message=f"executors: {names}")


def _check_machine(project: OpenProject) -> Iterator[Check]:
    """What the kinds of executor that the project uses need of this machine, as each says itself."""
    from nemorun_discover.schedulers.table import scheduler_of  # noqa: PLC0415 - doctor only

    for kind, name in {one.kind: one.name for one in project.executors}.items():
        # What drives the kind may be of a plugin that is gone: `doctor -e` and `run` tell of it.
        with suppress(ExecutorRefused), closing(scheduler_of(name, kind, os.environ)) as scheduler:
            yield from scheduler.checks_of_machine()


def _check_tasks(project: OpenProject) -> Check:
    collection = project.collection
    found = f"{len(collection.tasks)} tasks found"
    if collection.not_imported:
        files = len({one.file for one in collection.not_imported})
        found += (
            f", and what only an import would tell of {files} {'file' if files == 1 else 'files'}"
        )
    if not collection.issues:
        return Check(name="tasks", verdict=Verdict.OK, message=found)
    first = collection.issues[0]
    return Check(
        name="tasks",
        verdict=Verdict.WARN,
        message=f"{found}; {len(collection.issues)} problems, the first: {first.file}:{first.line}: {first.message}",
        remedy="`nemorun list` shows them all",
    )


def _failed(name: str, error: NemorunError) -> Check:
    return Check(name=name, verdict=Verdict.FAIL, message=error.message, remedy=error.hint)


def _nearest_existing(path: Path) -> Path:
    return next(one for one in (path, *path.parents) if os.path.lexists(one))
