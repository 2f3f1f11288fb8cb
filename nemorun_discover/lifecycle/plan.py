"""A plan: all of an experiment that is known before anything is written or sent."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nemorun_discover.model.ids import SUFFIX_LENGTH, experiment_id
from nemorun_discover.secrets import masked

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from nemorun_discover.model.job import Job
    from nemorun_discover.model.record import (
        GroupPolicy,
        PackagedCode,
        PluginReference,
        Project,
    )
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
        packages: By executor, the code its jobs run, where it is known already (a rerun); what is not
            there is packaged at launch.
        groups: The policy of every group, by its name.
        plugins: Whose hooks the driver calls.
        without_plugins: Installed plugins that are switched off.
        types: By task, the annotations of its parameters, as the record keeps them.
        rerun_of: The experiment that is repeated.
        changes: What a rerun does differently.
        deselected: How many jobs the selection left out.
        issues: What could not be collected and was passed over.
        notes: Sentences for the user.
        name_end: What the experiment's id ends in; None for four letters by chance.
        base_dir: Where the experiment's folder is made, to be found from the home by a link; None for the
            home itself.
    """

    title: str
    project: Project
    jobs: tuple[Job, ...]
    executors: Mapping[str, dict[str, Json]]
    secrets: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)
    argv: tuple[str, ...] = ()
    max_jobs: int | None = None
    maxfail: int | None = None
    packages: Mapping[str, PackagedCode] = field(default_factory=dict)
    groups: Mapping[str, GroupPolicy] = field(default_factory=dict)
    plugins: tuple[PluginReference, ...] = ()
    without_plugins: tuple[str, ...] = ()
    types: Mapping[str, dict[str, Json]] = field(default_factory=dict)
    rerun_of: str | None = None
    changes: tuple[str, ...] = ()
    deselected: int = 0
    issues: tuple[Issue, ...] = ()
    notes: tuple[str, ...] = ()
    name_end: str | None = None
    base_dir: Path | None = None


def choose_id(plan: Plan, now: datetime, name_end: str | None = None) -> str:
    """An id for the plan's experiment; another one each time, unless something says what it ends in.

    Args:
        plan: What it says counts first.
        now: Aware time.
        name_end: Four letters that will do.
    """
    chosen, end = experiment_id(plan.title, now, secrets.choice), plan.name_end or name_end
    return chosen if end is None else chosen[:-SUFFIX_LENGTH] + end


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
                "params": masked(job.params),
                "executor": job.executor,
                "after": [one for ids in job.after.values() for one in ids],
                "inputs": list(job.inputs),
                "request": requests[job.id],
            }
            for job in plan.jobs
        ],
    }
