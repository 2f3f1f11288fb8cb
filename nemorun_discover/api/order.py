"""Which jobs a job waits for, and how they must have ended."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from nemorun_discover.api.named import jobs_called
from nemorun_discover.config.nearest import hint_for
from nemorun_discover.errors import UsageError
from nemorun_discover.model.job import Condition

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nemorun_discover.model.job import Job

    Dependency = str | tuple[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """What a job waits for, as its record has it; see `model.job.Job`."""

    after: dict[str, tuple[str, ...]] = field(default_factory=dict)
    conditions: dict[str, Condition] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()


def order_of(
    dependencies: Sequence[Dependency] | str | None,
    jobs: Sequence[Job],
    *,
    own: str,
    inputs: Sequence[str] | str | None = None,
) -> Order:
    """What `add(dependencies=…)` means.

    Args:
        dependencies: Ids of earlier jobs or groups, or pairs of an id and `ok`, `any` or `notok`.
        jobs: The earlier jobs.
        own: The id of the job that is added.
        inputs: Ids of those whose outputs it gets; they need not be among the dependencies.

    Raises:
        UsageError: There is no such job yet, or no such condition.
    """
    given = [dependencies] if isinstance(dependencies, str) else list(dependencies or ())
    asked = [inputs] if isinstance(inputs, str) else list(inputs or ())
    tasks = {job.id: job.task for job in jobs}
    after: dict[str, tuple[str, ...]] = {}
    conditions: dict[str, Condition] = {}
    for one in given:
        name, condition = _pair(one)
        for job_id in _existing(name, jobs, own):
            others = after.get(tasks[job_id], ())
            after[tasks[job_id]] = (*(other for other in others if other != job_id), job_id)
            if condition is not Condition.OK:
                conditions[job_id] = condition
    names: list[str] = []
    for one in asked:
        for job_id in _existing(one, jobs, own):
            others = after.get(tasks[job_id], ())
            after[tasks[job_id]] = (*others, *([] if job_id in others else [job_id]))
            names.append(tasks[job_id])
    return Order(after=after, conditions=conditions, inputs=tuple(dict.fromkeys(names)))


def chained(jobs: Sequence[Job]) -> list[Job]:
    """The jobs, each waiting for the one before it; the members of a group for all of the unit before.

    Raises:
        UsageError: Some say already what they wait for.
    """
    units: list[list[Job]] = []
    for job in jobs:
        if job.after:
            raise UsageError(
                f"{job.id} has dependencies, and run(sequential=True) would replace them",
                hint="use one of the two",
            )
        is_next = job.group is not None and units and units[-1][0].group == job.group
        units[-1].append(job) if is_next else units.append([job])
    ordered = list(units[0]) if units else []
    for before, unit in pairwise(units):
        order = order_of([one.id for one in before], before, own="")
        ordered += [replace(job, after=order.after) for job in unit]
    return ordered


def _pair(dependency: Dependency) -> tuple[str, Condition]:
    if isinstance(dependency, str):
        return dependency, Condition.OK
    try:
        name, word = dependency
    except (TypeError, ValueError):
        raise UsageError(
            f"dependencies: {dependency!r} is no dependency",
            hint='write a job\'s id, or (id, "ok" | "any" | "notok")',
        ) from None
    known = [one.value for one in Condition]
    if word not in known:
        raise UsageError(
            f"dependencies: {word!r} is no condition of {name}",
            hint=hint_for(str(word), known, what="the conditions are"),
        )
    return name, Condition(word)


def _existing(name: str, jobs: Sequence[Job], own: str) -> tuple[str, ...]:
    try:
        return jobs_called(name, jobs, "this experiment")
    except UsageError as error:
        if name in (own, own.rpartition("@")[0]):
            raise UsageError(f"dependencies: {own} cannot wait for itself") from error
        raise UsageError(f"dependencies: {error.message}", hint=error.hint) from error
