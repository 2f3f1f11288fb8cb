"""`nemorun doctor`: is everything here as it should be, and how to mend what is not."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from nemorun_discover.cli.check_executors import LOOKS, check_executors, executor_lines
from nemorun_discover.cli.checks import (
    check_clusters,
    check_git,
    check_home,
    check_project,
    check_python,
    check_runtimes,
    check_space,
)
from nemorun_discover.cli.complete import complete_executor
from nemorun_discover.cli.console import open_console
from nemorun_discover.cli.options import nemorun_command
from nemorun_discover.cli.project import open_project
from nemorun_discover.cli.rival import check_command, check_environment
from nemorun_discover.errors import ExitCode
from nemorun_discover.model.check import Check, Verdict
from nemorun_discover.store.home import open_home

if TYPE_CHECKING:
    from nemorun_discover.cli.console import Console, Span
    from nemorun_discover.cli.settings import Settings


@nemorun_command("doctor", short_help="Check this machine, the project, and executors.")
@click.option(
    "-e",
    "executors",
    metavar="NAME|GLOB|EXPR",
    multiple=True,
    shell_complete=complete_executor,
    help="Whether these executors could run jobs now, side by side.",
)
@click.option("--no-jobs", is_flag=True, help="With -e: run no small job to look at a node.")
def doctor_command(settings: Settings, *, executors: tuple[str, ...], no_jobs: bool) -> ExitCode:
    """Check this machine, the project, and executors; exit 1 when something must be mended.

    With -e, look at executors instead: the login, the scheduler, accounts and partitions, the job_dir, and with a
    very small job the Python of a node.
    """
    console = open_console(settings)
    if executors:
        return _examine_executors(settings, executors, console, may_run=not no_jobs)
    checks = _examine(settings)
    if settings.json:
        console.document(
            {
                "schema": "nemorun.doctor/1",
                "checks": [_fields(check) for check in checks],
            }
        )
    else:
        _show(checks, console)
    return _verdict(checks)


def _examine_executors(
    settings: Settings, patterns: tuple[str, ...], console: Console, *, may_run: bool
) -> ExitCode:
    found = check_executors(open_project(settings), patterns, may_run=may_run)
    if settings.json:
        executors = {name: [_fields(one) for one in checks] for name, checks in found.items()}
        console.document({"schema": "nemorun.doctor_executors/1", "executors": executors})
    else:
        console.out.lines(executor_lines(found, console))
    return _verdict([one for checks in found.values() for one in checks])


def _fields(check: Check) -> dict[str, str | None]:
    return {
        "name": check.name,
        "verdict": str(check.verdict),
        "message": check.message,
        "remedy": check.remedy,
    }


def _verdict(checks: list[Check]) -> ExitCode:
    has_failed = any(check.verdict is Verdict.FAIL for check in checks)
    return ExitCode.JOB_FAILED if has_failed else ExitCode.OK


def _examine(settings: Settings) -> list[Check]:
    root = open_home(os.environ).layout.root
    return [
        check_python(),
        check_command(os.environ),
        check_environment(),
        check_home(root),
        check_space(root),
        check_git(os.environ),
        *check_runtimes(root),
        *check_clusters(open_home(os.environ).layout.experiments),
        *check_project(settings),
    ]


def _show(checks: list[Check], console: Console) -> None:
    width = max(len(check.name) for check in checks)
    for check in checks:
        symbol, plain, style = LOOKS[check.verdict]
        mark: Span = (f"{symbol if console.out.unicode else plain} {check.verdict:4}", style)
        console.out.line(mark, f"  {check.name.ljust(width)}  {check.message}")
        if check.remedy:
            console.out.line(f"{'':{width + 10}}mend it: {check.remedy}")
