"""`Experiment.add`: what was asked for, checked and taken into the draft."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from nemorun_discover.api.draft import Draft, safe_name
from nemorun_discover.api.hooks import references_of, set_up
from nemorun_discover.api.jobs import as_task, make_job, one_executor, own_name
from nemorun_discover.api.order import order_of
from nemorun_discover.api.partial import Partial
from nemorun_discover.config.nearest import hint_for
from nemorun_discover.errors import UsageError
from nemorun_discover.lifecycle.placing import check_secrets
from nemorun_discover.model.record import GroupPolicy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nemorun_discover.api.order import Dependency, Order
    from nemorun_discover.api.script import Script
    from nemorun_discover.executors.base import Executor
    from nemorun_discover.model.job import Job
    from nemorun_discover.plugins.base import Plugin


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """How one call of `add` wants its tasks to run.

    Attributes:
        name: Empty for the task's own.
        policy: When the members of a group are stopped.
    """

    name: str = ""
    dependencies: Sequence[Dependency] | str | None = None
    inputs: Sequence[str] | str | None = None
    plugins: Sequence[Plugin] = ()
    tail_logs: bool = False
    policy: str = GroupPolicy.ANY_FAILED.value


def add(draft: Draft, task: object, executor: object, wish: Wish) -> str:
    """Add a task, or a list of tasks as a group; the id of the job or of the group.

    Raises:
        UsageError: It cannot run; nothing was added.
    """
    if isinstance(task, (list, tuple)):
        return _add_group(draft, task, executor, wish)
    return _add_one(draft, task, executor, wish)


def _add_one(draft: Draft, task: object, executor: object, wish: Wish) -> str:
    copy, on = set_up(as_task(task), one_executor(executor).clone(), wish.plugins)
    name = safe_name(wish.name or own_name(copy))
    label = draft.free_name(name, draft.executor_name(on))
    job = _job(draft, copy, on, label, name)
    order = order_of(wish.dependencies, draft.jobs, own=job.id, inputs=wish.inputs)
    job = replace(
        job,
        after=order.after,
        inputs=_inputs(copy, order, wish),
        conditions=order.conditions,
    )
    _keep(draft, [_Added(job=job, task=copy, executor=on)], wish)
    return job.id


def _add_group(draft: Draft, tasks: Sequence[object], executors: object, wish: Wish) -> str:
    policy = _policy_of(wish)
    if not tasks:
        raise UsageError(f"the group {wish.name!r} has no task")
    ons = _executors_of(executors, len(tasks))
    name = draft.free_name(safe_name(wish.name), draft.executor_name(ons[0]))
    group_id = f"{name}@{draft.executor_name(ons[0])}"
    order = order_of(wish.dependencies, draft.jobs, own=group_id, inputs=wish.inputs)
    scratch = draft.copy()
    members = []
    for task, one in zip(tasks, ons, strict=True):
        copy, on = set_up(as_task(task), one.clone(), wish.plugins)
        own = safe_name(own_name(copy))
        label = scratch.free_name(f"{name}/{own}", scratch.executor_name(on))
        job = _job(scratch, copy, on, label, own)
        _refuse_retries(job)
        job = replace(
            job,
            after=order.after,
            inputs=_inputs(copy, order, wish),
            conditions=order.conditions,
            group=name,
        )
        members.append(_Added(job=job, task=copy, executor=on))
        scratch.keep(job, on)
    _keep(draft, members, wish)
    draft.groups[name] = policy
    return f"{name}@{members[0].job.executor}"


def _inputs(task: Partial | Script, order: Order, wish: Wish) -> tuple[str, ...]:
    """The upstream tasks whose outputs it gets: what `inputs` says, else what the function's own lines read."""
    if wish.inputs is not None or not order.after or not isinstance(task, Partial):
        return order.inputs
    from nemorun_discover.discovery.outputs import outputs_read_by  # noqa: PLC0415 - most jobs wait for none

    return tuple(name for name in outputs_read_by(task.fn) if name in order.after)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Added:
    job: Job
    task: Partial | Script
    executor: Executor


def _job(draft: Draft, task: Partial | Script, on: Executor, label: str, name: str) -> Job:
    executor_name = draft.executor_name(on)
    check_secrets({executor_name: on}, os.environ)
    return make_job(
        task,
        on,
        job_id=f"{label}@{executor_name}",
        name=name,
        on=executor_name,
        root=Path(draft.project.root),
    )


def _keep(draft: Draft, added: Sequence[_Added], wish: Wish) -> None:
    references = references_of(wish.plugins, Path(draft.project.root))
    for one in added:
        draft.keep(one.job, one.executor)
        if isinstance(one.task, Partial):
            draft.functions[one.job.id] = one.task.fn
        if wish.tail_logs:
            draft.tailed.add(one.job.id)
    draft.instances += wish.plugins
    draft.plugins += [one for one in references if one not in draft.plugins]


def _refuse_retries(job: Job) -> None:
    if job.retries:
        raise UsageError(
            f"{job.id} has retries = {job.retries}, and the members of a group start together, once",
            hint="set retries=0, or add it as a job of its own",
        )


def _executors_of(executors: object, count: int) -> list[Executor]:
    if not isinstance(executors, (list, tuple)):
        return [one_executor(executors)] * count
    ons = [one_executor(one) for one in executors]
    kinds = list(dict.fromkeys(one.kind for one in ons))
    if len(kinds) > 1:
        raise UsageError(
            f"a group runs on executors of one kind, and these are {' and '.join(kinds)}",
            hint="add the tasks one by one, and use dependencies",
        )
    if len(ons) == 1:
        return ons * count
    if len(ons) != count:
        raise UsageError(
            f"{count} tasks were given {len(ons)} executors: give one, or one for each"
        )
    return ons


def _policy_of(wish: Wish) -> GroupPolicy:
    if not wish.name:
        raise UsageError("a group of tasks needs a name", hint='add([a, b], name="…")')
    known = [one.value for one in GroupPolicy]
    if wish.policy not in known:
        raise UsageError(
            f"policy={wish.policy!r} is no policy of a group",
            hint=hint_for(str(wish.policy), known, what="the policies are"),
        )
    return GroupPolicy(wish.policy)
