"""An experiment that is not launched yet: its jobs, as the record will have them."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from nemorun_discover.api.named import group_ids
from nemorun_discover.api.order import chained
from nemorun_discover.discovery._describe_types import parameter_types
from nemorun_discover.discovery.slug import slugs_of
from nemorun_discover.errors import UsageError
from nemorun_discover.executors.codec import executor_to_dict
from nemorun_discover.lifecycle.plan import Plan
from nemorun_discover.lifecycle.secrets import hide, hide_in_plan
from nemorun_discover.secrets import masked_argv

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from nemorun_discover.executors.base import Executor
    from nemorun_discover.model.job import Job
    from nemorun_discover.model.record import GroupPolicy, PackagedCode, PluginReference, Project
    from nemorun_discover.model.task import Json
    from nemorun_discover.plugins.base import Plugin

# What ids, `-k` and shells take as one word.
_UNSAFE = re.compile(r"[^A-Za-z0-9._+=,\[\]-]+")


@dataclass(kw_only=True, slots=True)
class Draft:
    """What has been added so far.

    Attributes:
        project: Where the jobs come from.
        jobs: In the order in which they were added; their folders are named when they are planned.
        executors: By name, without the values of secrets.
        secrets: By executor, those values.
        groups: The policy of each.
        plugins: Those with hooks that the driver calls.
        instances: All of them, in this process.
        functions: By job, the function itself, for jobs that this process runs.
        tailed: Ids of the jobs whose log is shown while they run.
        packages: By executor, the code of an earlier launch that its jobs run again; adding a job to it
            packages it anew.
        types: By task, the annotations of its parameters, of jobs that a record had.
        rerun_of: The experiment of that launch.
    """

    project: Project
    jobs: list[Job] = field(default_factory=list)
    executors: dict[str, dict[str, Json]] = field(default_factory=dict)
    secrets: dict[str, dict[str, str]] = field(default_factory=dict)
    groups: dict[str, GroupPolicy] = field(default_factory=dict)
    plugins: list[PluginReference] = field(default_factory=list)
    instances: list[Plugin] = field(default_factory=list)
    functions: dict[str, Callable[..., Any]] = field(default_factory=dict)
    tailed: set[str] = field(default_factory=set)
    packages: dict[str, PackagedCode] = field(default_factory=dict)
    types: dict[str, dict[str, Json]] = field(default_factory=dict)
    rerun_of: str | None = None

    def copy(self) -> Draft:
        """Another one with the same content; adding to it leaves this one alone."""
        return Draft(
            project=self.project,
            jobs=list(self.jobs),
            executors=dict(self.executors),
            secrets=dict(self.secrets),
            groups=dict(self.groups),
            plugins=list(self.plugins),
            instances=list(self.instances),
            functions=dict(self.functions),
            tailed=set(self.tailed),
            packages=dict(self.packages),
            types=dict(self.types),
            rerun_of=self.rerun_of,
        )

    def executor_name(self, executor: Executor) -> str:
        """What an executor is called: its kind, with a number where another of that kind came first."""
        table, values = hide(executor_to_dict(executor))
        number = 1
        while True:
            name = executor.kind if number == 1 else f"{executor.kind}-{number}"
            if name not in self.executors:
                return name
            if self.executors[name] == table and self.secrets.get(name, {}) == values:
                return name
            number += 1

    def keep(self, job: Job, executor: Executor) -> None:
        """Take in a job and the executor it was given."""
        self.jobs.append(job)
        self.packages.pop(job.executor, None)
        self.executors[job.executor], values = hide(executor_to_dict(executor))
        if values:
            self.secrets[job.executor] = values

    def free_name(self, name: str, executor: str) -> str:
        """The name with `_2`, `_3`, … where an earlier job or group has its id."""
        taken = {one.id for one in self.jobs} | set(group_ids(self.jobs))
        number = 1
        while True:
            free = name if number == 1 else f"{name}_{number}"
            if f"{free}@{executor}" not in taken and free not in self.groups:
                return free
            number += 1


def in_sequence(draft: Draft) -> Draft:
    """The draft with each job waiting for the one before it.

    Raises:
        UsageError: Some say already what they wait for.
    """
    return replace(draft, jobs=chained(draft.jobs))


def plan_of(
    draft: Draft, title: str, *, name_end: str | None = None, base_dir: Path | None = None
) -> Plan:
    """The plan of a draft; `name_end` and `base_dir` as in `Plan`.

    Raises:
        UsageError: Nothing was added.
    """
    if not draft.jobs:
        raise UsageError(f"the experiment {title!r} has no jobs", hint="add(task) before run()")
    slugs = slugs_of([job.id for job in draft.jobs])
    jobs = tuple(replace(job, slug=slug) for job, slug in zip(draft.jobs, slugs, strict=True))
    used = dict.fromkeys(job.executor for job in jobs)
    plan = Plan(
        title=title,
        project=draft.project,
        jobs=jobs,
        executors={name: draft.executors[name] for name in used},
        secrets={name: draft.secrets[name] for name in used if name in draft.secrets},
        argv=masked_argv(sys.orig_argv),
        groups=draft.groups,
        plugins=tuple(draft.plugins),
        packages={name: draft.packages[name] for name in used if name in draft.packages},
        types={**draft.types, **_types_of(draft)},
        rerun_of=draft.rerun_of,
        name_end=name_end,
        base_dir=base_dir,
    )
    return hide_in_plan(plan, os.environ)


def _types_of(draft: Draft) -> dict[str, dict[str, Json]]:
    """By task, what its parameters are, as `nemorun run` records it."""
    functions = {
        job.task_key: draft.functions[job.id] for job in draft.jobs if job.id in draft.functions
    }
    return {key: parameter_types(function) for key, function in functions.items()}


def safe_name(name: str) -> str:
    """The name as part of an id: one word, whatever shell reads it.

    Raises:
        UsageError: Nothing is left of it.
    """
    safe = _UNSAFE.sub("-", name).strip("-")
    if not safe:
        raise UsageError(f"name={name!r} cannot name a job", hint="letters and digits can")
    return safe
