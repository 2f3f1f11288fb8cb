"""A plan becomes an experiment: its code is packaged, its record written, and its driver's lock held."""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nemorun_discover.config.import_roots import import_roots
from nemorun_discover.errors import StoreError
from nemorun_discover.lifecycle.crew import Crew
from nemorun_discover.lifecycle.edges import Edges
from nemorun_discover.lifecycle.live_code import code_now, editable_code, executors_with_live_code
from nemorun_discover.lifecycle.packing import pack, store
from nemorun_discover.lifecycle.plan import choose_id
from nemorun_discover.lifecycle.provenance import git_state, interpreter, user_name, versions
from nemorun_discover.lifecycle.secrets import masks_of
from nemorun_discover.lifecycle.submission import job_document
from nemorun_discover.model.event import utc_now
from nemorun_discover.model.record import GitState, LiveCodeSummary, Record
from nemorun_discover.packaging.runtime import install_runtime, runtime_name
from nemorun_discover.secrets import Known, masked_diff
from nemorun_discover.store.create import create_experiment
from nemorun_discover.store.home import cannot_write

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from nemorun_discover.lifecycle.packing import Packing
    from nemorun_discover.lifecycle.plan import Plan
    from nemorun_discover.model.job import Job
    from nemorun_discover.store.home import Home

_ID_TRIES = 10


def create(
    home: Home,
    plan: Plan,
    env: Mapping[str, str],
    *,
    tell: Callable[[str], None] = lambda _: None,
    name_end: str | None = None,
) -> tuple[Record, int]:
    """Package the code and write the experiment down.

    Args:
        home: Where the record goes.
        plan: What to launch.
        env: The caller's environment.
        tell: Gets sentences for the user, before anything is written.
        name_end: What its id ends in, unless another one has that id.

    Returns:
        The record, and the driver's lock, held.

    Raises:
        StoreError: The home cannot be written; nothing is left of it.
        ExecutorRefused: An executor cannot run these jobs; nothing was written.
        ConfigError: The code cannot be packaged; nothing was written.
    """
    draft, packing = _packed(home, plan, env, tell, utc_now())
    draft, code = _with_live_code(home, draft, tell)
    draft = replace(draft, git=_masked_state(plan, home.folders()))
    home.create()
    store(home.layout.packages, packing)
    chosen = choose_id(plan, draft.created_at, name_end)
    for _ in range(_ID_TRIES):
        record = replace(draft, id=chosen, runtime=_install_runtime(home))
        files = job_files(home, record, plan, env)
        lock = create_experiment(home, record, files, base_dir=plan.base_dir, live_code=code)
        if lock is not None:
            return record, lock
        chosen = choose_id(plan, draft.created_at)
    raise StoreError(f"{home.layout.experiments}: no free id was found in {_ID_TRIES} tries")


def _with_live_code(
    home: Home, draft: Record, tell: Callable[[str], None]
) -> tuple[Record, dict[str, Any] | None]:
    """The record with what the jobs that run the project's own files are planned with, and its `code.json`.

    It is read before git is asked: whatever is edited in between is found to have changed when a job starts.
    """
    try:
        code = code_now(draft, home.folders())
    except OSError as error:
        tell(f"the project's files cannot be read, so that no record says what ran: {error}")
        return replace(draft, interpreter=interpreter()), None
    root = Path(draft.project.root)
    python = interpreter(editable=editable_code(root, code) if root.is_dir() else {})
    draft = replace(draft, interpreter=python)
    if code is None:
        return draft, None
    if executors_with_live_code(draft):
        own = code.own()
        summary = LiveCodeSummary(digest=own.digest, files=len(own.files))
        draft = replace(draft, live_code=summary)
    return draft, code.document()


def _install_runtime(home: Home) -> str:
    try:
        return install_runtime(home.layout.packages).name
    except OSError as error:
        raise cannot_write(home.layout.packages, error) from error


def _packed(
    home: Home, plan: Plan, env: Mapping[str, str], tell: Callable[[str], None], now: datetime
) -> tuple[Record, Packing]:
    """The record but for its id, and the packages of its executors, which can run its jobs."""
    draft = _record(plan, now)
    _check(draft, _crew(home, draft, env, plan.secrets))
    packing = pack(plan, home.folders())
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
    home: Home, plan: Plan, env: Mapping[str, str], *, tell: Callable[[str], None] = lambda _: None
) -> dict[str, Mapping[str, Any]]:
    """By job id, the exact request each scheduler would be sent. Nothing is written or sent.

    Raises:
        ExecutorRefused: An executor cannot run these jobs.
    """
    now = utc_now()
    draft, _ = _packed(home, plan, env, tell, now)
    files = job_files(home, replace(draft, id=choose_id(plan, now)), plan, env)
    return {job.id: files[job.slug]["request.json"] for job in plan.jobs}


def job_files(
    home: Home, record: Record, plan: Plan, env: Mapping[str, str]
) -> dict[str, dict[str, Any]]:
    """By job slug, the files of its folder."""
    crew = _crew(home, record, env, plan.secrets)
    shown = _crew(home, record, {}, masks_of(plan))
    edges = Edges(home, record, crew, env)
    requests = _requests(record, crew, shown)
    files: dict[str, dict[str, Any]] = {}
    for job in record.jobs:
        for edge in edges.of(job):
            edge.require()
        document = job_document(record, crew.submission_of(job, 1), edges.results_only(job))
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


def _with_import_roots(plan: Plan) -> tuple[Job, ...]:
    """The jobs with the directories that their packages are imported from; with those of then in code of then."""
    root = Path(plan.project.root)
    if not root.is_dir():
        return plan.jobs
    known: dict[str, tuple[str, ...]] = {}
    for job in plan.jobs:
        if job.file not in known:
            known[job.file] = import_roots(root, job.file)
    return tuple(
        job
        if job.executor in plan.packages and job.import_roots
        else replace(job, import_roots=known[job.file])
        for job in plan.jobs
    )


def _masked_state(plan: Plan, leave_out: Sequence[Path]) -> GitState | None:
    """The state of the code; a configuration that holds secrets is in its diff as soon as it was changed."""
    state = git_state(Path(plan.project.root), leave_out)
    if state is None or not state.diff:
        return state
    values = {
        f"{scope} {name}": value
        for scope, found in plan.secrets.items()
        for name, value in found.items()
    }
    return replace(state, diff=masked_diff(state.diff, Known(values)))


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
        executors=dict(plan.executors),
        jobs=_with_import_roots(plan),
        max_jobs=plan.max_jobs,
        maxfail=plan.maxfail,
        runtime=runtime_name(),
        groups=dict(plan.groups),
        plugins=plan.plugins,
        without_plugins=plan.without_plugins,
        types=dict(plan.types),
        rerun_of=plan.rerun_of,
        changes=plan.changes,
    )
