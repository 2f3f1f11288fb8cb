"""`nemorun wait`: wait until an experiment is over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from nemorun_discover.cli.complete import complete_experiment
from nemorun_discover.cli.console import open_console
from nemorun_discover.cli.documents import status_document
from nemorun_discover.cli.options import all_projects_option, nemorun_command
from nemorun_discover.cli.progress import follow
from nemorun_discover.cli.reference import find_experiment
from nemorun_discover.cli.render_failures import failure_report
from nemorun_discover.cli.render_summary import closing_lines, verdict
from nemorun_discover.discovery.durations import DURATION_HINT, parse_duration_s
from nemorun_discover.errors import UsageError
from nemorun_discover.lifecycle.watch import watch

if TYPE_CHECKING:
    from nemorun_discover.cli.settings import Settings
    from nemorun_discover.errors import ExitCode


@nemorun_command("wait", short_help="Wait until an experiment is over.")
@click.argument("experiment", metavar="[EXP]", required=False, shell_complete=complete_experiment)
@click.option(
    "--timeout",
    "timeout",
    metavar="TIME",
    help="Give up after `90`, `90s`, `15m` or `2h`; exit 124.",
)
@all_projects_option
def wait_command(settings: Settings, experiment: str | None, *, timeout: str | None) -> ExitCode:
    """Wait until every job of an experiment is final; 0 when all succeeded, 1 when one did not.

    EXP is an id, a unique beginning or end of one, or @last; without it, the project's last experiment.
    """
    limit_s = None if timeout is None else parse_time(timeout)
    console = open_console(settings)
    home, experiment_id = find_experiment(experiment, settings, console)
    status = follow(console, watch(home, experiment_id, timeout_s=limit_s))
    if settings.json:
        console.document(status_document(status))
        return verdict(status)
    summary, _, *hints = closing_lines(status, columns=console.err.width)
    console.out.lines([*failure_report(status, console.out), summary])
    for hint in hints:
        console.note(*hint)
    return verdict(status)


def parse_time(text: str) -> float:
    """Seconds of `90`, `90s`, `15m` or `2h`; `0` looks once.

    Raises:
        UsageError: It is nothing of that.
    """
    if text.strip() == "0":
        return 0.0
    try:
        return parse_duration_s(text)
    except ValueError as error:
        raise UsageError(f"--timeout: {error}", hint=DURATION_HINT) from error
