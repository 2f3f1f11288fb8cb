"""Bring the outputs of an experiment's jobs here, from wherever they ran."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from nemorun_discover.errors import StoreError
from nemorun_discover.lifecycle.pull_here import copy_outputs
from nemorun_discover.lifecycle.reading import last_attempts, readers_of
from nemorun_discover.packaging.globs import glob_regex
from nemorun_discover.schedulers.fetching import Fetch, Fetched

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from nemorun_discover.model.layout import ExperimentLayout
    from nemorun_discover.model.record import Record
    from nemorun_discover.model.status import ExperimentStatus
    from nemorun_discover.schedulers.fetching import Transfer
    from nemorun_discover.store.home import Home


def pull(
    home: Home,
    record: Record,
    status: ExperimentStatus,
    env: Mapping[str, str],
    *,
    tell: Callable[[Transfer], None],
    glob: str | None = None,
    into: Path | None = None,
) -> dict[str, Fetched]:
    """Bring what is new of the outputs of jobs that have begun; by job, what has come.

    Args:
        home: Where the experiment is.
        record: The experiment.
        status: Where its jobs stand; only the jobs in it are meant.
        env: The caller's environment.
        tell: Gets how far it has come.
        glob: Only files whose path below the outputs matches; without a slash in it, whose name does.
        into: The folder that gets one for each job, named by its slug; None for the record's own.

    Raises:
        StoreError: Another process brings them just now.
    """
    home.require_own(record.id)
    layout = home.layout.experiment(record.id)
    wants = _matcher(glob)
    fetched: dict[str, Fetched] = {}
    attempts = last_attempts(record, status)
    with outputs_alone(layout):
        for scheduler, submissions in readers_of(home, record, env, attempts):
            fetches = [
                Fetch(
                    submission=one,
                    into=into / one.paths.root.name if into else one.paths.outputs,
                    wants=wants,
                )
                for one in submissions
            ]
            try:
                fetched |= scheduler.fetch_outputs(fetches, tell)
            finally:
                scheduler.close()
        if into is not None:
            slugs = {job.id: job.slug for job in record.jobs}
            for job in status.jobs:
                if job.attempt and job.id not in fetched:
                    slug = slugs[job.id]
                    fetched[job.id] = copy_outputs(layout.job(slug).outputs, into / slug, wants)
    return fetched


def _matcher(glob: str | None) -> Callable[[str], bool]:
    if glob is None:
        return lambda _path: True
    pattern = glob_regex(glob.removeprefix("/"))
    if "/" in glob:
        return lambda path: pattern.fullmatch(path) is not None
    return lambda path: pattern.fullmatch(path.rpartition("/")[2]) is not None


@contextmanager
def outputs_alone(layout: ExperimentLayout) -> Iterator[None]:
    """Have the experiment's outputs for this process alone.

    Raises:
        StoreError: Another process brings them here just now.
    """
    try:
        descriptor = os.open(layout.pull_lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreError(f"{layout.root}: cannot be written ({error.strerror})") from error
    try:
        _lock(descriptor, layout.root.name)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, experiment: str) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise StoreError(
            f"another process brings the outputs of {experiment} just now: `nemorun pull`, or for a job that needs them",
            hint="wait for it; what it has brought is not sent again",
        ) from error
