"""`run.run`: one task, now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nemorun_discover.api.experiment import Experiment
from nemorun_discover.api.here import run_here
from nemorun_discover.api.jobs import as_task, own_name
from nemorun_discover.api.plainly import plainly
from nemorun_discover.api.result import Result
from nemorun_discover.model.state import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nemorun_discover.api.jobs import Task
    from nemorun_discover.executors.base import Executor
    from nemorun_discover.plugins.base import Plugin


@plainly
def run(
    task: Task,
    executor: Executor | None = None,
    *,
    name: str = "",
    dryrun: bool = False,
    direct: bool = False,
    detach: bool = False,
    tail_logs: bool = True,
    plugins: Sequence[Plugin] = (),
) -> Result:
    """Run one task and wait for it.

    Args:
        task: A function, a run.Partial or a run.Script.
        executor: Where; None to call it in this process, without a record.
        name: What the experiment and its job are called; empty for the task's own name.
        dryrun: Print what would be launched, and launch nothing.
        direct: Call it in this process, whatever the executor.
        detach: Return once it is launched.
        tail_logs: Show its log while it runs.
        plugins: As in `Experiment.add`.

    Returns:
        What came out of it; where it stands, when it was not waited for.

    Raises:
        JobFailed: It failed; the message has its traceback.
        UsageError: It cannot run as a job.
        ExecutorRefused: The executor cannot run it.
    """
    title = name or own_name(as_task(task))
    if executor is None or direct:
        return run_here(task, executor, name=title, dryrun=dryrun, plugins=tuple(plugins or ()))
    with Experiment(title, executor) as experiment:
        job = experiment.add(task, name=name, plugins=plugins, tail_logs=tail_logs)
        if dryrun:
            experiment.dryrun()
            return Result(state=State.PLANNED, job_id=job)
        experiment.run(detach=detach)
    return experiment.results()[job]
