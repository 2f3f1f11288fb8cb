"""From a task and an executor to a job, complete but for what it waits for."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nemorun_discover.api.functions import check_slice, place_of
from nemorun_discover.api.partial import Partial
from nemorun_discover.api.script import Script, script_task
from nemorun_discover.api.signature import check_complete
from nemorun_discover.api.values import travelling
from nemorun_discover.discovery.decorator import TASK_MARK
from nemorun_discover.discovery.durations import DURATION_HINT, parse_duration_s
from nemorun_discover.errors import UsageError
from nemorun_discover.executors.base import Executor
from nemorun_discover.model.job import Job
from nemorun_discover.worker.exact import own_names

if TYPE_CHECKING:
    from collections.abc import Callable

    Task = Callable[..., Any] | Partial | Script


def as_task(task: object) -> Partial | Script:
    """The task as one of the two things that are added; a copy.

    Raises:
        UsageError: It is neither a function nor a script.
    """
    if isinstance(task, Script):
        return task.clone()
    if isinstance(task, (Partial, functools.partial)) or callable(task):
        return Partial(task)
    raise UsageError(
        f"{task!r} cannot be added: a task is a function, a run.Partial or a run.Script",
        hint='for a command, run.Script(inline="…")' if isinstance(task, str) else None,
    )


def one_executor(executor: object) -> Executor:
    """The executor.

    Raises:
        UsageError: It is none.
    """
    if isinstance(executor, Executor):
        return executor
    raise UsageError(
        f"executor={executor!r} is no executor",
        hint="run.LocalExecutor(), run.SlurmExecutor(…); a list of them goes with a list of tasks",
    )


def own_name(task: Partial | Script) -> str:
    """What a task is called when nobody gives it another name."""
    if isinstance(task, Script):
        return task.get_name()
    return str(_options(task).get("name") or getattr(task.fn, "__name__", "task"))


def make_job(  # noqa: D417 - the rest is said by the types
    task: Partial | Script, executor: Executor, *, job_id: str, name: str, on: str, root: Path
) -> Job:
    """The job of a task on an executor; its folder has no name yet.

    Args:
        name: What `run.upstream(…)` calls it.
        on: The executor's name.
        root: The project's root.

    Raises:
        UsageError: The job could not find the task, or not get its arguments.
    """
    if isinstance(task, Script):
        script = script_task(task, root=root, cwd=Path.cwd())
        is_file = script.path is not None and not script.is_module
        return Job(
            id=job_id,
            slug="",
            task=name,
            file=str(script.path) if is_file else "",
            executor=on,
            script=script,
            args=tuple(map(str, task.args)),
            timeout_s=_seconds(executor.timeout),
            retries=executor.retries,
        )
    place = place_of(task.fn, root)
    check_complete(task.fn, task.arguments)
    params, exact = travelling(task.fn, task.arguments)
    check_slice(place, root, sorted(own_names(exact)))
    options = _options(task)
    return Job(
        id=job_id,
        slug="",
        task=name,
        file=place.file,
        function=place.function,
        module=place.module,
        is_main=place.is_main,
        executor=on,
        params=params,
        exact=exact,
        timeout_s=_seconds(options.get("timeout", executor.timeout)),
        retries=executor.retries if options.get("retries") is None else options["retries"],
    )


def _options(task: Partial) -> dict[str, Any]:
    """What `@nemorun.task(…)` says of the function."""
    return dict(getattr(task.fn, TASK_MARK, {}))


def _seconds(timeout: float | str | None) -> float | None:
    if timeout is None:
        return None
    try:
        return parse_duration_s(str(timeout))
    except ValueError as error:
        raise UsageError(f"timeout: {error}", hint=DURATION_HINT) from error
