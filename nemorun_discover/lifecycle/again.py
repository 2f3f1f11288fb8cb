"""Run jobs of an earlier experiment again: from its record alone, or with the executors as they are now."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from nemorun_discover.config.resolve import resolve_executor
from nemorun_discover.discovery.cell import is_word_of, label_of
from nemorun_discover.discovery.executor_names import match_executors
from nemorun_discover.discovery.keyword import compile_expression
from nemorun_discover.errors import NothingSelected, UsageError
from nemorun_discover.lifecycle.collecting import collect_project
from nemorun_discover.lifecycle.observe import observe_record
from nemorun_discover.lifecycle.placing import as_tables, check_secrets
from nemorun_discover.lifecycle.plan import Plan
from nemorun_discover.lifecycle.provenance import git_state
from nemorun_discover.lifecycle.secrets import hide, masked_argv
from nemorun_discover.model.state import State

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nemorun_discover.config.load import Config
    from nemorun_discover.lifecycle.request import RunRequest
    from nemorun_discover.model.job import Job
    from nemorun_discover.model.record import Record
    from nemorun_discover.model.status import ExperimentStatus
    from nemorun_discover.store.home import Home

# A job that was skipped waited for one that failed: it is still owed.
NOT_DONE = frozenset({State.FAILED, State.CANCELLED, State.SKIPPED})
_HASH_SHOWN = 12


def unfinished(status: ExperimentStatus) -> list[str]:
    """The ids of the jobs that ended without success."""
    return [job.id for job in status.jobs if job.state in NOT_DONE]


def rerun(home: Home, experiment_id: str, job_ids: Sequence[str], argv: Sequence[str]) -> Plan:
    """The plan that runs jobs again as the record says: same parameters, same executors.

    Args:
        home: Where the record is.
        experiment_id: Which.
        job_ids: Which of its jobs; upstream jobs that succeeded then are not run again, their results are
            used.
        argv: The command line.

    Raises:
        NothingSelected: No job is named.
        UsageError: The project is gone, or a job waits for one that neither succeeded nor runs again.
    """
    record = home.read_record(experiment_id)
    status = observe_record(home, record)
    if not job_ids:
        raise NothingSelected(f"no job of {experiment_id} is to be run again")
    if not Path(record.project.root).is_dir():
        raise UsageError(
            f"{record.project.root}: the project of {experiment_id} is not there any more"
        )
    jobs = _again(record, status, set(job_ids))
    return Plan(
        title=record.title,
        project=record.project,
        jobs=jobs,
        executors={
            name: record.executors[name] for name in dict.fromkeys(j.executor for j in jobs)
        },
        argv=masked_argv(argv),
        max_jobs=record.max_jobs,
        maxfail=record.maxfail,
        rerun_of=experiment_id,
        notes=_changes(record),
    )


def last_failed(home: Home, config: Config, request: RunRequest, env: Mapping[str, str]) -> Plan:
    """The plan that runs again what did not succeed in the last experiment of this project (`--lf`).

    The jobs and their parameters come from that record, the executors from the configuration as it is.

    Raises:
        NothingSelected: There is no such experiment, or nothing in it failed.
    """
    experiment_id = home.last_of_project(str(config.root))
    if experiment_id is None:
        raise NothingSelected(f"--lf: {config.root} has no experiment yet")
    record = home.read_record(experiment_id)
    status = observe_record(home, record)
    chosen = _matching(record, request, set(unfinished(status)))
    if not chosen:
        raise NothingSelected(f"--lf: no job failed in {experiment_id}")
    plan = rerun(home, experiment_id, chosen, request.argv)
    factories = collect_project(config).factories
    executors = {
        job.executor: resolve_executor(
            job.executor.rpartition("/")[2], config=config, factories=factories, near=job.file
        )
        for job in plan.jobs
    }
    check_secrets(executors, env)
    hidden = {name: hide(table) for name, table in as_tables(executors).items()}
    return replace(
        plan,
        executors={name: table for name, (table, _) in hidden.items()},
        secrets={name: values for name, (_, values) in hidden.items() if values},
        max_jobs=request.max_jobs,
        maxfail=request.maxfail,
        title=request.title or plan.title,
    )


def _matching(record: Record, request: RunRequest, wanted: set[str]) -> list[str]:
    jobs = [job for job in record.jobs if job.id in wanted]
    if request.keyword:
        keyword = compile_expression(request.keyword)
        jobs = [job for job in jobs if keyword.matches(partial(_is_found, job))]
    if request.executors:
        names = list(dict.fromkeys(job.executor for job in jobs))
        chosen = match_executors(names, request.executors)
        jobs = [job for job in jobs if job.executor in chosen]
    return [job.id for job in jobs]


def _is_found(job: Job, word: str) -> bool:
    return is_word_of(word, name=job.task, label=label_of(job.id), params=job.params)


def _again(record: Record, status: ExperimentStatus, chosen: set[str]) -> tuple[Job, ...]:
    slugs = {job.id: job.slug for job in record.jobs}
    states = {job.id: job.state for job in status.jobs}
    return tuple(
        _with_upstream(
            job, chosen, states, {one: f"{record.id}/{slug}" for one, slug in slugs.items()}
        )
        for job in record.jobs
        if job.id in chosen
    )


def _with_upstream(
    job: Job, chosen: set[str], states: Mapping[str, State], places: Mapping[str, str]
) -> Job:
    """The job, waiting for what runs again and taking the rest from where it was done."""
    after: dict[str, tuple[str, ...]] = {}
    earlier = dict(job.earlier)
    for task, ids in job.after.items():
        after[task] = tuple(one for one in ids if one in chosen)
        done = [one for one in ids if one not in chosen]
        missing = [one for one in done if states[one] is not State.SUCCEEDED]
        if missing:
            raise UsageError(
                f"{job.id} comes after {missing[0]}, which has not succeeded",
                hint="select both, or use --failed",
            )
        if done:
            earlier[task] = (*earlier.get(task, ()), *(places[one] for one in done))
    return replace(job, after={task: ids for task, ids in after.items() if ids}, earlier=earlier)


def _changes(record: Record) -> tuple[str, ...]:
    """What is not as it was: local jobs run the project's files as they are now."""
    before, now = record.git, git_state(Path(record.project.root))
    if before is None or now is None or (before.commit, before.diff) == (now.commit, now.diff):
        return ()
    if before.commit == now.commit:
        return (
            f"the project's files have changed since {record.id}; the jobs run them as they are",
        )
    was, is_now = (str(one)[:_HASH_SHOWN] for one in (before.commit, now.commit))
    return (f"the project was at {was} then and is at {is_now} now; the jobs run it as it is",)
