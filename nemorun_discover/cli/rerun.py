"""`nemorun rerun`: run jobs of an experiment again, from its record."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from nemorun_discover.cli.complete import complete_executor, complete_experiment_or_job
from nemorun_discover.cli.console import open_console
from nemorun_discover.cli.dry_run import print_plan
from nemorun_discover.cli.launching import launch_and_watch
from nemorun_discover.cli.options import all_projects_option, nemorun_command
from nemorun_discover.cli.reference import find_experiment_and_jobs, keep_going, pick_jobs
from nemorun_discover.discovery.arguments import read_assignment
from nemorun_discover.errors import ExitCode, NothingSelected
from nemorun_discover.lifecycle.again import rerun, unfinished
from nemorun_discover.lifecycle.freshness import look_for_lost
from nemorun_discover.lifecycle.rerun_changes import Changes

if TYPE_CHECKING:
    from nemorun_discover.cli.settings import Settings


@nemorun_command("rerun", short_help="Run jobs of an experiment again.")
@click.argument(
    "words",
    metavar="[EXP] [JOB|KEY=VALUE]...",
    nargs=-1,
    shell_complete=complete_experiment_or_job,
)
@click.option("-k", "keyword", metavar="EXPR", help="Jobs whose name and parameters match.")
@click.option(
    "--set", "sets", metavar="TASK.KEY=VALUE", multiple=True, help="A parameter of one task."
)
@click.option("--failed", is_flag=True, help="Jobs that did not succeed.")
@click.option(
    "-e",
    "executor",
    metavar="NAME",
    shell_complete=complete_executor,
    help="Move the jobs to this executor, as it is configured now.",
)
@click.option("--fresh-code", is_flag=True, help="Run the project's code as it is now.")
@click.option("-d", "--detach", is_flag=True, help="Return once the jobs are submitted.")
@click.option(
    "--dry-run", is_flag=True, help="Print what would be launched; write and send nothing."
)
@all_projects_option
def rerun_command(
    settings: Settings,
    words: tuple[str, ...],
    *,
    keyword: str | None,
    sets: tuple[str, ...],
    failed: bool,
    executor: str | None,
    fresh_code: bool,
    detach: bool,
    dry_run: bool,
) -> ExitCode:
    """Run jobs of an experiment again, as a new experiment: same code, parameters and executors.

    EXP is an id, a unique beginning or end of one, or @last; without it, the project's last
    experiment. JOB is a job's id, a task's name, or a glob; without it, all jobs. KEY=VALUE gives a
    parameter another value in every job that has it, read as run reads it; a list makes a job of each
    value. -o profiles.NAME.FIELD=VALUE changes a recorded executor. An upstream job that succeeded and is
    not selected is not run again: its result and its outputs are used.
    """
    console = open_console(settings)
    changes = Changes(
        params=tuple(word for word in words if read_assignment(word)),
        sets=sets,
        overrides=settings.overrides,
        executor=executor,
        fresh_code=fresh_code,
    )
    home, experiment_id, names = find_experiment_and_jobs(
        [word for word in words if not read_assignment(word)], settings, console
    )
    keep_going(home, experiment_id, console)
    status = look_for_lost(home, experiment_id, os.environ)
    jobs = pick_jobs(status, names, keyword)
    if failed:
        jobs = tuple(one for one in jobs if one in unfinished(status))
        if not jobs:
            raise NothingSelected(f"no job of {experiment_id} has failed")
    argv = ("nemorun", *settings.argv)
    plan = rerun(
        home, experiment_id, jobs, argv, changes, env=os.environ, config_file=settings.config_file
    )
    without = dict.fromkeys((*plan.without_plugins, *settings.without_plugins))
    plan = replace(plan, without_plugins=tuple(without))
    for note in plan.notes:
        console.note(f"note: {note}")
    if dry_run:
        print_plan(plan, console, as_json=settings.json)
        return ExitCode.OK
    return launch_and_watch(plan, console, detach=detach, as_json=settings.json)
