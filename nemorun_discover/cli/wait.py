"""`nemorun wait`: wait until an experiment is over."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from nemorun_discover.cli.complete import complete_experiment
from nemorun_discover.cli.console import open_console
from nemorun_discover.cli.documents import status_document
from nemorun_discover.cli.options import nemorun_command
from nemorun_discover.cli.progress import follow
from nemorun_discover.cli.reference import find_experiment
from nemorun_discover.cli.render_failures import failure_report
from nemorun_discover.cli.render_summary import closing_lines, verdict
from nemorun_discover.discovery.durations import DURATION_HINT, parse_duration_s
from nemorun_discover.errors import UsageError, WaitTimeout
from nemorun_discover.lifecycle.carry_on import carry_on
from nemorun_discover.lifecycle.observe import observe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nemorun_discover.cli.settings import Settings
    from nemorun_discover.errors import ExitCode
    from nemorun_discover.model.status import ExperimentStatus
    from nemorun_discover.store.home import Home

_INTERVAL_S = 0.2
_CARRY_ON_EVERY_S = 5.0


@nemorun_command("wait", short_help="Wait until an experiment is over.")
@click.argument("experiment", metavar="[EXP]", required=False, shell_complete=complete_experiment)
@click.option(
    "--timeout",
    "timeout",
    metavar="TIME",
    help="Give up after `90`, `90s`, `15m` or `2h`; exit 124.",
)
def wait_command(settings: Settings, experiment: str | None, *, timeout: str | None) -> ExitCode:
    """Wait until every job of an experiment is final; 0 when all succeeded, 1 when one did not.

    EXP is an id, a unique beginning or end of one, or @last; without it, the last experiment.
    """
    limit_s = None if timeout is None else parse_time(timeout)
    console = open_console(settings)
    home, experiment_id = find_experiment(experiment)
    status = follow(console, until_over(home, experiment_id, timeout_s=limit_s))
    if settings.json:
        console.document(status_document(status))
        return verdict(status)
    summary, _, *hints = closing_lines(status)
    console.out.lines([*failure_report(status, console.out), summary])
    for hint in hints:
        console.note(*hint)
    return verdict(status)


def until_over(
    home: Home, experiment_id: str, *, timeout_s: float | None
) -> Iterator[ExperimentStatus]:
    """The status at once, and whenever it changed, until every job is final.

    Raises:
        WaitTimeout: That took longer than `timeout_s`.
    """
    started = time.monotonic()
    carried_on = float("-inf")
    before = None
    while True:
        now = time.monotonic()
        if now - carried_on >= _CARRY_ON_EVERY_S:
            carry_on(home, experiment_id)
            carried_on = now
        status = observe(home, experiment_id)
        if before is None or status.jobs != before.jobs:
            yield status
        before = status
        if all(job.state.is_final for job in status.jobs):
            return
        if timeout_s is not None and now - started >= timeout_s:
            raise WaitTimeout(
                f"{experiment_id} is not over after {timeout_s:g} s; its jobs go on",
                hint=f"`nemorun status {experiment_id}` shows where they stand",
            )
        time.sleep(_INTERVAL_S if timeout_s is None else min(_INTERVAL_S, timeout_s))


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
