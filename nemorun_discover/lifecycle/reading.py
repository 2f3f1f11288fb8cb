"""The schedulers of an experiment for a process that only reads it: its logs, its outputs, its fresh state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nemorun_discover.errors import ConfigError
from nemorun_discover.executors.kinds import class_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from nemorun_discover.executors.base import Executor
    from nemorun_discover.model.job import Job
    from nemorun_discover.model.record import Record
    from nemorun_discover.model.status import ExperimentStatus, JobStatus
    from nemorun_discover.schedulers.protocol import Scheduler, Submission
    from nemorun_discover.store.home import Home


def is_at_hand(table: Mapping[str, Any]) -> bool:
    """True when what jobs of this executor write lies on this machine anyway; its kind declares that."""
    kind = _class_of(table)
    return kind is not None and kind.AT_HAND


def runs_here(table: Mapping[str, Any]) -> bool:
    """True when jobs of this executor run on this machine, and end when the command that waits is interrupted."""
    kind = _class_of(table)
    return kind is not None and kind.runs_here(table)


def _class_of(table: Mapping[str, Any]) -> type[Executor] | None:
    """The settings of its kind; None where the plugin that adds the kind is gone."""
    try:
        return class_of("executor", str(table["kind"]))
    except ConfigError:
        return None


def readers_of(
    home: Home,
    record: Record,
    env: Mapping[str, str],
    attempts: Iterable[tuple[Job, int]],
) -> Iterator[tuple[Scheduler, list[Submission]]]:
    """The schedulers whose jobs run elsewhere, each with what is asked for.

    Args:
        home: Where the experiment is.
        record: The experiment.
        env: The caller's environment.
        attempts: Jobs, and which attempt of each is meant.
    """
    elsewhere = [(job, attempt) for job, attempt in attempts if _is_elsewhere(record, job)]
    # Another user's record names hosts and commands: nobody is logged in anywhere for it.
    if not elsewhere or not home.is_own(record.id):
        return
    from nemorun_discover.lifecycle.asking import asker  # noqa: PLC0415 - only where one is asked
    from nemorun_discover.lifecycle.crew import Crew  # noqa: PLC0415

    layout = home.layout.experiment(record.id)
    runtime = home.layout.packages / record.runtime
    crew = Crew(record, layout, runtime=runtime, env=env, secrets={}, ask=asker())
    by_kind: dict[str, list[Submission]] = {}
    for job, attempt in elsewhere:
        by_kind.setdefault(_kind(record, job), []).append(crew.submission_of(job, attempt))
    for submissions in by_kind.values():
        yield crew.scheduler_of(submissions[0].job), submissions


def last_attempts(record: Record, status: ExperimentStatus) -> list[tuple[Job, int]]:
    """The jobs of a status that have begun, and their last attempts."""
    jobs = {job.id: job for job in record.jobs}
    return [(jobs[one.id], one.attempt) for one in status.jobs if one.attempt]


def ran_elsewhere(record: Record, status: ExperimentStatus) -> list[JobStatus]:
    """The jobs that have begun where files do not lie on this machine anyway."""
    return [job for job in status.jobs if job.attempt and _is_elsewhere(record, job)]


def _is_elsewhere(record: Record, job: Job | JobStatus) -> bool:
    return not is_at_hand(record.executors[job.executor])


def _kind(record: Record, job: Job | JobStatus) -> str:
    return str(record.executors[job.executor]["kind"])
