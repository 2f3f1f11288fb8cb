"""A plan: all of an experiment that is known before anything is written or sent."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nemorun_discover.model.job import Job
    from nemorun_discover.model.record import Project
    from nemorun_discover.model.task import Issue, Json


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What `--dry-run` prints and `launch` carries out.

    Attributes:
        title: What the experiment will be called.
        jobs: In an order in which upstream jobs come first.
        executors: The resolved executors by name, without the values of secrets.
        secrets: By executor, the values that were taken out.
        argv: The command line, secrets masked.
        max_jobs: `-j`; None for no limit.
        maxfail: None for no limit.
        rerun_of: The experiment that is repeated.
        deselected: How many jobs the selection left out.
        issues: What could not be collected and was passed over.
        notes: Sentences for the user.
    """

    title: str
    project: Project
    jobs: tuple[Job, ...]
    executors: Mapping[str, dict[str, Json]]
    secrets: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)
    argv: tuple[str, ...] = ()
    max_jobs: int | None = None
    maxfail: int | None = None
    rerun_of: str | None = None
    deselected: int = 0
    issues: tuple[Issue, ...] = ()
    notes: tuple[str, ...] = ()


def document_of(plan: Plan, requests: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The plan as `nemorun run --dry-run --json` prints it.

    Args:
        plan: What would be launched.
        requests: By job id, the exact request to its scheduler.
    """
    return {
        "schema": "nemorun.plan/1",
        "title": plan.title,
        "project": plan.project.root,
        "executors": dict(plan.executors),
        "jobs": [
            {
                "id": job.id,
                "task": job.task,
                "params": job.params,
                "executor": job.executor,
                "after": [one for ids in job.after.values() for one in ids],
                "request": requests[job.id],
            }
            for job in plan.jobs
        ],
    }
