"""Launch a plan: write the record, and give the driver, which loads meanwhile, the word to begin."""

from __future__ import annotations

import secrets
import socket
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nemorun_discover.errors import StoreError
from nemorun_discover.executors.secrets import MASK
from nemorun_discover.lifecycle.crew import Crew
from nemorun_discover.lifecycle.packing import pack, store
from nemorun_discover.lifecycle.provenance import git_state, interpreter, user_name, versions
from nemorun_discover.lifecycle.secrets import hidden_in
from nemorun_discover.lifecycle.standby import Standby
from nemorun_discover.lifecycle.submission import job_document
from nemorun_discover.model.event import utc_now
from nemorun_discover.model.ids import SUFFIX_LENGTH, experiment_id
from nemorun_discover.model.record import Record
from nemorun_discover.packaging.runtime import install_runtime, runtime_name
from nemorun_discover.store.create import create_experiment
from nemorun_discover.store.home import cannot_write

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from nemorun_discover.lifecycle.packing import Packing
    from nemorun_discover.lifecycle.plan import Plan
    from nemorun_discover.model.job import Job
    from nemorun_discover.store.home import Home

_ID_TRIES = 10


def _say_nothing(_: str) -> None:
    pass


def launch(
    home: Home, plan: Plan, env: Mapping[str, str], *, tell: Callable[[str], None] = _say_nothing
) -> str:
    """Package the code, write the experiment down and start its driver.

    Args:
        home: Where the record goes.
        plan: What to launch.
        env: The caller's environment.
        tell: Gets sentences for the user, before anything is written.

    Returns:
        The experiment's id.

    Raises:
        StoreError: The home cannot be written; nothing was started.
        ExecutorRefused: An executor cannot run these jobs; nothing was written.
        ConfigError: The code cannot be packaged; nothing was written.
    """
    now = utc_now()
    wanted = _choose_id(plan, now)
    with ExitStack() as waiting:
        driver = waiting.enter_context(Standby(home, wanted, plan.executors))
        record, lock = _create(home, _packed(home, plan, env, tell, now), plan, env, wanted)
        if record.id != wanted:
            driver = waiting.enter_context(Standby(home, record.id))
        driver.begin(lock, plan.secrets)
    return record.id


def create(home: Home, plan: Plan, env: Mapping[str, str]) -> tuple[Record, int]:
    """The same without a driver: the record, and the driver's lock, held.

    Raises:
        StoreError: As `launch`.
        ExecutorRefused: As `launch`.
        ConfigError: As `launch`.
    """
    now = utc_now()
    packed = _packed(home, plan, env, _say_nothing, now)
    return _create(home, packed, plan, env, _choose_id(plan, now))


def _create(
    home: Home, packed: tuple[Record, Packing], plan: Plan, env: Mapping[str, str], wanted: str
) -> tuple[Record, int]:
    """The record and the lock; the record has another id than the wanted one where that is taken."""
    draft, packing = packed
    home.create()
    store(home.layout.packages, packing)
    for _ in range(_ID_TRIES):
        record = replace(draft, id=wanted)
        files = job_files(home, record, plan, env)
        _install_runtime(home)
        lock = create_experiment(home, record, files, base_dir=plan.base_dir)
        if lock is not None:
            return record, lock
        wanted = _choose_id(plan, draft.created_at)
    raise StoreError(f"{home.layout.experiments}: no free id was found in {_ID_TRIES} tries")


def _install_runtime(home: Home) -> None:
    try:
        install_runtime(home.layout.packages)
    except OSError as error:
        raise cannot_write(home.layout.packages, error) from error


def _packed(
    home: Home, plan: Plan, env: Mapping[str, str], tell: Callable[[str], None], now: datetime
) -> tuple[Record, Packing]:
    """The record but for its id, and the packages of its executors, which can run its jobs."""
    draft = _record(plan, now)
    _check(draft, _crew(home, draft, env, plan.secrets))
    packing = pack(plan, home.layout.root)
    for note in packing.notes:
        tell(note)
    return replace(draft, packages=dict(packing.codes)), packing


def _crew(
    home: Home, record: Record, env: Mapping[str, str], secrets: Mapping[str, Mapping[str, str]]
) -> Crew:
    layout = home.layout.experiment(record.id)
    runtime = home.layout.packages / record.runtime
    return Crew(record, layout, runtime=runtime, env=env, secrets=secrets)


def requests_of(
    home: Home, plan: Plan, env: Mapping[str, str], *, tell: Callable[[str], None] = _say_nothing
) -> dict[str, Mapping[str, Any]]:
    """By job id, the exact request each scheduler would be sent. Nothing is written or sent.

    Raises:
        ExecutorRefused: An executor cannot run these jobs.
    """
    now = utc_now()
    draft, _ = _packed(home, plan, env, tell, now)
    files = job_files(home, replace(draft, id=_choose_id(plan, now)), plan, env)
    return {job.id: files[job.slug]["request.json"] for job in plan.jobs}


def job_files(
    home: Home, record: Record, plan: Plan, env: Mapping[str, str]
) -> dict[str, dict[str, Any]]:
    """By job slug, the files of its folder."""
    crew = _crew(home, record, env, plan.secrets)
    shown = _crew(home, record, {}, _masks(plan))
    requests = _requests(record, crew, shown)
    files: dict[str, dict[str, Any]] = {}
    for job in record.jobs:
        document = job_document(record, crew.submission_of(job, 1))
        files[job.slug] = {"job.json": document, "request.json": dict(requests[job.id])}
        if job.script is not None and job.script.inline is not None:
            files[job.slug]["script"] = job.script.inline
    return files


def _requests(record: Record, crew: Crew, shown: Crew) -> dict[str, Mapping[str, object]]:
    """By job id, what each scheduler is sent; the jobs of a kind are shown to it together."""
    by_kind: dict[str, list[Job]] = {}
    for job in record.jobs:
        by_kind.setdefault(str(record.executors[job.executor]["kind"]), []).append(job)
    requests: dict[str, Mapping[str, object]] = {}
    for jobs in by_kind.values():
        submissions = [shown.submission_of(job, 1) for job in jobs]
        requests |= crew.scheduler_of(jobs[0]).requests(submissions)
    return requests


def _check(record: Record, crew: Crew) -> None:
    by_executor = {job.executor: job for job in record.jobs}
    for name, job in by_executor.items():
        submission = crew.submission_of(job, 1)
        crew.scheduler_of(job).check(name, submission.executor)


def _masks(plan: Plan) -> dict[str, dict[str, str]]:
    return {name: dict.fromkeys(hidden_in(table), MASK) for name, table in plan.executors.items()}


def _record(plan: Plan, now: datetime) -> Record:
    return Record(
        id="",
        title=plan.title,
        created_at=now,
        argv=plan.argv,
        cwd=str(Path.cwd()),
        user=user_name(),
        host=socket.gethostname(),
        versions=versions(),
        project=plan.project,
        git=git_state(Path(plan.project.root)),
        interpreter=interpreter(),
        executors=dict(plan.executors),
        jobs=plan.jobs,
        max_jobs=plan.max_jobs,
        maxfail=plan.maxfail,
        runtime=runtime_name(),
        groups=dict(plan.groups),
        plugins=plan.plugins,
        without_plugins=plan.without_plugins,
        rerun_of=plan.rerun_of,
        changes=plan.changes,
    )


def _choose_id(plan: Plan, now: datetime) -> str:
    chosen = experiment_id(plan.title, now, secrets.choice)
    return chosen if plan.name_end is None else chosen[:-SUFFIX_LENGTH] + plan.name_end
