"""Run jobs of an earlier experiment again: from its record, with changes where some are asked for."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from nemorun_discover.config.resolve import resolve_executor
from nemorun_discover.discovery.cell import is_word_of, label_of
from nemorun_discover.discovery.executor_names import match_executors
from nemorun_discover.discovery.keyword import compile_expression
from nemorun_discover.errors import NothingSelected, StoreError, UsageError
from nemorun_discover.lifecycle.carry_on import carry_on
from nemorun_discover.lifecycle.collecting import collect_project
from nemorun_discover.lifecycle.observe import observe_record
from nemorun_discover.lifecycle.placing import as_tables, check_secrets
from nemorun_discover.lifecycle.plan import Plan
from nemorun_discover.lifecycle.references import hide_executors
from nemorun_discover.lifecycle.rerun_changes import UNCHANGED, Changes
from nemorun_discover.lifecycle.rerun_code import code_notes, kept_packages, require_packages
from nemorun_discover.lifecycle.rerun_jobs import jobs_again, whole_groups
from nemorun_discover.lifecycle.secrets import hide_in_plan
from nemorun_discover.model.state import State
from nemorun_discover.secrets import masked_argv

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nemorun_discover.config.load import Config
    from nemorun_discover.lifecycle.request import RunRequest
    from nemorun_discover.model.job import Job
    from nemorun_discover.model.record import Record
    from nemorun_discover.model.status import ExperimentStatus
    from nemorun_discover.store.home import Home

_COMMAND = "nemorun"  # the first word of a command line that a record keeps
# A job that was skipped waited for one that failed: it is still owed.
NOT_DONE = frozenset({State.FAILED, State.CANCELLED, State.SKIPPED})


def unfinished(status: ExperimentStatus) -> list[str]:
    """The ids of the jobs that ended without success; those that only a failure needs are not owed."""
    return [
        job.id
        for job in status.jobs
        if (job.state in NOT_DONE and not job.is_well) or job.is_refused
    ]


def was_made_by_a_script(home: Home, record: Record) -> bool:
    """True when the executors come from a call of the API, also where that was run again since."""
    while record.rerun_of is not None:
        try:
            record = home.read_record(record.rerun_of)
        except StoreError:  # it has been deleted
            break
    return record.argv[:1] != (_COMMAND,)


def rerun(
    home: Home,
    experiment_id: str,
    job_ids: Sequence[str],
    argv: Sequence[str],
    changes: Changes = UNCHANGED,
    *,
    env: Mapping[str, str] | None = None,
    config_file: Path | None = None,
) -> Plan:
    """The plan that runs jobs again as the record says: same code, parameters, executors and dependencies.

    Args:
        home: Where the record is.
        experiment_id: Which.
        job_ids: Which of its jobs, with the rest of their groups; upstream jobs that ended as they had to
            are not run again, their results are used.
        argv: The command line.
        changes: What is to be different.
        env: The caller's environment; None for the process's.
        config_file: Where `-e` looks for an executor; None for the project's own configuration.

    Raises:
        NothingSelected: No job is named.
        UsageError: The project or a package is gone, a job waits for one that neither ended as it had to
            nor runs again, or a change cannot be made.
        ConfigError: An executor cannot be changed so.
    """
    record = home.read_record(experiment_id)
    if not job_ids:
        raise NothingSelected(f"no job of {experiment_id} is to be run again")
    chosen, notes = whole_groups(record, job_ids)
    jobs = jobs_again(record, observe_record(home, record), chosen)
    plan = _as_recorded(record, jobs, argv, notes)
    if changes != UNCHANGED:
        # Changes want the configuration, factories among it; a plain rerun does not pay for that.
        from nemorun_discover.lifecycle.rerun_plan import changed  # noqa: PLC0415

        plan = changed(plan, record, changes, os.environ if env is None else env, config_file)
    require_packages(home, plan)
    _require_project(plan)
    plan = replace(plan, notes=(*plan.notes, *plan.changes, *code_notes(home, plan, record)))
    return hide_in_plan(plan, os.environ if env is None else env)


def _as_recorded(
    record: Record, jobs: tuple[Job, ...], argv: Sequence[str], notes: tuple[str, ...]
) -> Plan:
    names = dict.fromkeys(job.executor for job in jobs)
    groups = dict.fromkeys(job.group for job in jobs if job.group is not None)
    return Plan(
        title=record.title,
        project=record.project,
        jobs=jobs,
        executors={name: record.executors[name] for name in names},
        argv=masked_argv(argv),
        max_jobs=record.max_jobs,
        maxfail=record.maxfail,
        packages=kept_packages(record, names),
        groups={name: record.groups[name] for name in groups if name in record.groups},
        plugins=record.plugins,
        without_plugins=record.without_plugins,
        types=record.types,
        rerun_of=record.id,
        notes=notes,
    )


def _require_project(plan: Plan) -> None:
    """A rerun of packaged functions needs no project; everything else looks at its files."""
    if Path(plan.project.root).is_dir():
        return
    if all(job.executor in plan.packages and job.script is None for job in plan.jobs):
        return
    raise UsageError(f"{plan.project.root}: the project of {plan.rerun_of} is not there any more")


def last_failed(home: Home, config: Config, request: RunRequest, env: Mapping[str, str]) -> Plan:
    """The plan that runs again what did not succeed in the last experiment of this project (`--lf`).

    The jobs and their parameters come from that record, the code and the executors are as they are now;
    executors that a script made through the API are in no configuration, and are taken as recorded.

    Raises:
        NothingSelected: There is no such experiment, or nothing in it failed.
    """
    scope = home.scope(config.root, env, file=config.file)
    experiment_id = None if scope.root is None else next(home.newest_of(scope), None)
    if experiment_id is None:
        raise NothingSelected(f"--lf: {config.root} has no experiment yet")
    with suppress(StoreError):  # one that cannot be carried on is taken as it stands
        carry_on(home, experiment_id)
    record = home.read_record(experiment_id)
    status = observe_record(home, record)
    failed = _matching(record, request, set(unfinished(status)))
    if not failed:
        raise NothingSelected(f"--lf: no job failed in {experiment_id}")
    chosen, notes = whole_groups(record, failed)
    plan = _as_recorded(record, jobs_again(record, status, chosen), request.argv, notes)
    if not was_made_by_a_script(home, record):
        tables, secrets = _executors_now(plan, config, env)
        plan = replace(plan, executors=tables, secrets=secrets)
    plan = replace(
        plan,
        packages={},
        max_jobs=request.max_jobs,
        maxfail=request.maxfail,
        title=request.title or plan.title,
    )
    return hide_in_plan(plan, env)


def _executors_now(
    plan: Plan, config: Config, env: Mapping[str, str]
) -> tuple[dict[str, dict[str, object]], dict[str, dict[str, str]]]:
    """The executors of a plan as the configuration says now, and the values taken out of them."""
    factories = collect_project(config).factories
    executors = {
        job.executor: resolve_executor(
            job.executor.rpartition("/")[2], config=config, factories=factories, near=job.file
        )
        for job in plan.jobs
    }
    check_secrets(executors, env)
    return hide_executors(as_tables(executors), config)


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
