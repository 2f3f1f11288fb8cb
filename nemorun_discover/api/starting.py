"""Launch a plan, by a driver of its own or in this process."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from nemorun_discover.api.hooks import load_installed
from nemorun_discover.api.launched import Launched
from nemorun_discover.api.nesting import refuse_launch_from_own_job
from nemorun_discover.errors import UsageError
from nemorun_discover.lifecycle.launch import launch
from nemorun_discover.lifecycle.rerun_code import require_packages

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from nemorun_discover.cli.console import Console
    from nemorun_discover.lifecycle.plan import Plan
    from nemorun_discover.store.home import Home

_LISTED = 8


def start(
    home: Home,
    plan: Plan,
    console: Console,
    *,
    functions: Mapping[str, Callable[..., Any]] | None,
    tailed: Collection[str],
) -> Launched:
    """Launch the plan.

    Args:
        home: Where its record goes.
        plan: What to launch.
        console: Where that is said.
        functions: By job, the functions to call in this process; None to leave the jobs to a driver.
        tailed: Ids of the jobs whose log is shown later.

    Raises:
        UsageError: This is a job that imports the script which launched it, or the code that it was to run
            again is not there any more.
        StoreError: The home cannot be written; nothing was started.
        ExecutorRefused: An executor cannot run these jobs; nothing was written.
    """
    refuse_launch_from_own_job()
    load_installed()
    _require_packages(home, plan)
    if functions is not None:
        from nemorun_discover.api.direct import run_directly  # noqa: PLC0415 - seldom used

        return Launched(home, run_directly(home, plan, functions, console), plan.jobs)
    experiment_id = launch(home, plan, os.environ, tell=lambda one: console.note(f"note: {one}"))
    console.note(f"experiment {experiment_id}: {_named(plan)}")
    return Launched(home, experiment_id, plan.jobs, tailed=tailed)


def _named(plan: Plan) -> str:
    """The jobs by id, while they can be taken in at a glance."""
    if len(plan.jobs) > _LISTED:
        return f"{len(plan.jobs)} jobs on {', '.join(plan.executors)}"
    return ", ".join(job.id for job in plan.jobs)


def _require_packages(home: Home, plan: Plan) -> None:
    try:
        require_packages(home, plan)
    except UsageError as error:
        hint = "reset(fresh_code=True) runs the project's code as it is now"
        raise UsageError(error.message, hint=hint) from error
