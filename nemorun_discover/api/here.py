"""A task without an executor: called in this process, and recorded nowhere."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from nemorun_discover.api.following import console_of
from nemorun_discover.api.hooks import set_up
from nemorun_discover.api.in_process import environment, run_script
from nemorun_discover.api.jobs import as_task, make_job, one_executor
from nemorun_discover.api.project import current_project
from nemorun_discover.api.result import Result
from nemorun_discover.api.script import Script
from nemorun_discover.api.signature import check_complete
from nemorun_discover.errors import JobFailed
from nemorun_discover.executors.local import LocalExecutor
from nemorun_discover.lifecycle.submission import script_argv
from nemorun_discover.model.state import Reason, State
from nemorun_discover.worker.result import NotRun, to_json
from nemorun_discover.worker.task import call_task

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nemorun_discover.api.partial import Partial
    from nemorun_discover.executors.base import Executor
    from nemorun_discover.plugins.base import Plugin


def run_here(
    task: object,
    executor: Executor | None,
    *,
    name: str,
    dryrun: bool,
    plugins: Sequence[Plugin] = (),
) -> Result:
    """Call a task; what it returned. What a function raises is not caught.

    Args:
        task: What can be added to an experiment, and any other function.
        executor: Its variables are set meanwhile; None for none.
        name: What the task is called.
        dryrun: Only print what would be called.
        plugins: Their `setup` may change the task first.

    Raises:
        UsageError: An argument is missing, or a script is not there.
        JobFailed: A script has failed.
    """
    on = one_executor(executor or LocalExecutor()).clone()
    wanted, on = set_up(as_task(task), on, plugins)
    if dryrun:
        console_of().out.line(repr(wanted))
        return Result(state=State.PLANNED, job_id=name)
    with environment(on.env_vars, ()):
        if isinstance(wanted, Script):
            return _run_script(wanted, on, name)
        return _call(wanted, name)


def _call(task: Partial, name: str) -> Result:
    check_complete(task.fn, task.arguments)
    value = call_task(task.fn, dict(task.arguments))
    try:
        kept = to_json(value)
    except NotRun:
        raise
    except TypeError as error:
        console_of().note(f"nemorun: the result is not kept: {error}")
        kept = None
    return Result(state=State.SUCCEEDED, exit_code=0, value=kept, job_id=name)


def _run_script(script: Script, executor: Executor, name: str) -> Result:
    root = Path(current_project().root)
    job = make_job(script, executor, job_id=name, name=name, on=executor.kind, root=root)
    with TemporaryDirectory() as folder:
        text = Path(folder, "script")
        text.write_text(script.inline)
        argv = script_argv(job, root, inline=str(text))
        code = run_script(argv, Path.cwd(), {**os.environ, **script.env})
    state = State.SUCCEEDED if code == 0 else State.FAILED
    reason = Reason.EXIT_CODE if code else None
    result = Result(state=state, exit_code=code, job_id=name, reason=reason)
    if code:
        raise JobFailed(f"{name}: failed (exit code {code})", results=(result,))
    return result
