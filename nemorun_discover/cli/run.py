"""`nemorun run`: launch tasks on executors as one experiment, and watch it."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import click

from nemorun_discover.cli.complete import complete_executor, complete_node, complete_task
from nemorun_discover.cli.console import open_console
from nemorun_discover.cli.options import nemorun_command
from nemorun_discover.errors import ExitCode, UsageError
from nemorun_discover.lifecycle.launch import driver_ahead
from nemorun_discover.lifecycle.request import RunRequest
from nemorun_discover.store.home import open_home

if TYPE_CHECKING:
    from nemorun_discover.cli.settings import Settings


@nemorun_command("run", short_help="Run tasks on executors, as one experiment.", takes_rest=True)
@click.argument(
    "words", metavar="[PATH|FILE::TASK|KEY=VALUE|@FILE]...", nargs=-1, shell_complete=complete_node
)
@click.option(
    "-k",
    "keyword",
    metavar="EXPR",
    shell_complete=complete_task,
    help="Jobs whose name and key=value parameters match; =NAME is exact.",
)
@click.option("-m", "tags", metavar="EXPR", help="Tasks whose tags match.")
@click.option(
    "-e",
    "executors",
    metavar="NAME|GLOB|EXPR",
    multiple=True,
    shell_complete=complete_executor,
    help="On these executors; may be repeated.",
)
@click.option(
    "--set", "sets", metavar="TASK.KEY=VALUE", multiple=True, help="A parameter of one task."
)
@click.option("--all", "everything", is_flag=True, help="Every task there is.")
@click.option(
    "--lf",
    "--last-failed",
    "last_failed",
    is_flag=True,
    help="What did not succeed in this project's last experiment.",
)
@click.option("--with-deps", is_flag=True, help="Also the tasks that the selected ones come after.")
@click.option(
    "-x", "first_failure", is_flag=True, help="Start nothing more after the first failure."
)
@click.option(
    "--maxfail",
    type=click.IntRange(min=1),
    metavar="N",
    help="Start nothing more after N failures.",
)
@click.option(
    "-j",
    "--jobs",
    "max_jobs",
    type=click.IntRange(min=1),
    metavar="N",
    help="At most N jobs at once.",
)
@click.option("-d", "--detach", is_flag=True, help="Return once the jobs are submitted.")
@click.option("--name", "title", metavar="TITLE", help="What the experiment is called.")
@click.option(
    "--dry-run", is_flag=True, help="Print what would be launched; write and send nothing."
)
@click.option("--continue-on-collection-errors", is_flag=True, help="Run what could be collected.")
def run_command(
    settings: Settings,
    *,
    detach: bool,
    dry_run: bool,
    first_failure: bool,
    **asked: Any,  # noqa: ANN401 - the options above, by RunRequest's own names
) -> ExitCode:
    """Run the selected tasks with their parameters on the selected executors, as one experiment.

    Without a selection, what [project] default of the configuration says. key=value sets a parameter, and
    a comma-separated list makes one job per value. What follows -- goes to script tasks.
    """
    if first_failure and asked["maxfail"] not in (None, 1):
        raise UsageError(f"-x means --maxfail 1, and --maxfail {asked['maxfail']} was given too")
    asked["maxfail"] = 1 if first_failure else asked["maxfail"]
    console = open_console(settings)  # before the driver, whose questions it puts to the user
    with ExitStack() as waiting:
        driver = None if dry_run else waiting.enter_context(driver_ahead(open_home(os.environ)))
        from nemorun_discover.cli.running import run  # noqa: PLC0415 - the driver loads meanwhile

        request = RunRequest(args=settings.rest or (), argv=("nemorun", *settings.argv), **asked)
        return run(request, settings, console, detach=detach, driver=driver)
