"""What `nemorun run` does with what was asked: plan it, then print it or launch and watch it."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from nemorun_discover.cli.launching import launch_and_watch
from nemorun_discover.cli.project import open_project
from nemorun_discover.errors import ExitCode
from nemorun_discover.lifecycle.again import last_failed
from nemorun_discover.lifecycle.compose import NothingAsked, compose
from nemorun_discover.store.home import open_home

if TYPE_CHECKING:
    from nemorun_discover.cli.console import Console
    from nemorun_discover.cli.project import OpenProject
    from nemorun_discover.cli.settings import Settings
    from nemorun_discover.lifecycle.plan import Plan
    from nemorun_discover.lifecycle.request import RunRequest
    from nemorun_discover.lifecycle.standby import Standby


def run(
    request: RunRequest,
    settings: Settings,
    console: Console,
    *,
    detach: bool,
    driver: Standby | None,
) -> ExitCode:
    """Plan what is asked and launch it; without a driver, print the plan."""
    plan = _plan(open_project(settings), request, settings, console)
    plan = replace(plan, without_plugins=settings.without_plugins)
    for note in plan.notes:
        console.note(f"note: {note}")
    if driver is None:
        from nemorun_discover.cli.dry_run import print_plan  # noqa: PLC0415 - few runs are dry

        print_plan(plan, console, as_json=settings.json)
        return ExitCode.OK
    return launch_and_watch(plan, console, detach=detach, as_json=settings.json, driver=driver)


def _plan(project: OpenProject, request: RunRequest, settings: Settings, console: Console) -> Plan:
    if request.last_failed:
        return last_failed(open_home(os.environ), project.config, request, os.environ)
    try:
        return compose(project.config, request, cwd=settings.directory, env=os.environ)
    except NothingAsked:
        for task in project.collection.tasks:
            console.out.line(task.id)
        raise
