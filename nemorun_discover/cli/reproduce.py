"""`nemorun reproduce`: run an experiment again and compare, or check whether that would be the same."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from nemorun_discover.cli.complete import complete_experiment
from nemorun_discover.cli.console import open_console
from nemorun_discover.cli.documents_compared import check_document, reproduced_document
from nemorun_discover.cli.options import all_projects_option, nemorun_command
from nemorun_discover.cli.progress import follow
from nemorun_discover.cli.reference import find_experiment, keep_going
from nemorun_discover.cli.render_diff import difference_lines, sentence_lines
from nemorun_discover.cli.render_failures import failure_report
from nemorun_discover.cli.render_summary import verdict
from nemorun_discover.errors import ExitCode, UsageError
from nemorun_discover.lifecycle.again import rerun
from nemorun_discover.lifecycle.cancel import cancel
from nemorun_discover.lifecycle.launch import launch
from nemorun_discover.lifecycle.observe import observe
from nemorun_discover.lifecycle.reproduce import check, compare_results
from nemorun_discover.lifecycle.watch import watch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nemorun_discover.cli.console import Channel, Console, Line
    from nemorun_discover.cli.settings import Settings
    from nemorun_discover.lifecycle.finding import Finding
    from nemorun_discover.lifecycle.leaves import Difference
    from nemorun_discover.model.status import ExperimentStatus
    from nemorun_discover.store.home import Home

_VERDICTS = {True: ("same", "good"), False: ("differs", "bad"), None: ("not proven", "odd")}
_SEEDS = "that randomness is the same is up to the tasks: nemorun sets no seed"


@nemorun_command(
    "reproduce", short_help="Run an experiment again and compare, or check that one could."
)
@click.argument("experiment", metavar="[EXP]", required=False, shell_complete=complete_experiment)
@click.option(
    "--check",
    "only_check",
    is_flag=True,
    help="Run nothing; say whether code, configuration and interpreter are as then.",
)
@all_projects_option
def reproduce_command(settings: Settings, experiment: str | None, *, only_check: bool) -> ExitCode:
    """Run all jobs of an experiment again from its record, and compare what they return.

    The exit code is 0 when every job ended and returned as then, else 1. With --check nothing runs: it is 0
    when code, configuration and interpreter are as then, and 1 when something differs; what cannot be
    proven is said, and does not count. EXP is an id, a unique beginning or end of one, or @last; without
    it, the project's last experiment.
    """
    console = open_console(settings)
    home, experiment_id = find_experiment(experiment, settings, console)
    keep_going(home, experiment_id, console)
    if only_check:
        return _check(home, experiment_id, console, settings)
    if settings.overrides:
        raise UsageError(
            "reproduce runs what was recorded, and takes no -o", hint="`nemorun rerun` does"
        )
    return _run_again(home, experiment_id, console, settings)


def _check(home: Home, experiment_id: str, console: Console, settings: Settings) -> ExitCode:
    findings = check(
        home,
        home.read_record(experiment_id),
        config_file=settings.config_file,
        options=settings.overrides,
    )
    if settings.json:
        console.document(check_document(experiment_id, findings))
    else:
        console.out.lines(_check_lines(experiment_id, findings, console.out))
    differs = any(one.holds is False for one in findings)
    return ExitCode.JOB_FAILED if differs else ExitCode.OK


def _check_lines(
    experiment_id: str, findings: Sequence[Finding], channel: Channel
) -> Iterator[Line]:
    yield ((experiment_id, "bold"),)
    for area in dict.fromkeys(one.area for one in findings):
        yield ((area, "bold"),)
        for one in findings:
            if one.area == area:
                yield from _finding_lines(one, channel)
    differing = dict.fromkeys(one.area for one in findings if one.holds is False)
    open_ = any(one.holds is None for one in findings)
    as_then = "nothing is found to differ" if open_ else "all is as then"
    end = f"not as then: {', '.join(differing)}" if differing else as_then
    yield ()
    yield from sentence_lines(
        [f"{end}; some of it cannot be proven" if open_ else end], channel, indent=""
    )


def _finding_lines(one: Finding, channel: Channel) -> Iterator[Line]:
    word, style = _VERDICTS[one.holds]
    first, *rest = sentence_lines([f"{word}: {one.message}"], channel)
    text = first[0][0]
    yield (("  ", ""), (word, style), (text[2 + len(word) :], ""))
    yield from rest
    yield from difference_lines(one.differences, channel)


def _run_again(home: Home, experiment_id: str, console: Console, settings: Settings) -> ExitCode:
    """Launch, follow, compare. The first Ctrl-C cancels what was launched."""
    jobs = [job.id for job in home.read_record(experiment_id).jobs]
    plan = rerun(home, experiment_id, jobs, ("nemorun", *settings.argv))
    for note in plan.notes:
        console.note(f"note: {note}")
    again = launch(home, plan, os.environ, tell=lambda note: console.note(f"note: {note}"))
    console.note(f"experiment {again}, which is {experiment_id} again")
    try:
        status = follow(console, watch(home, again))
    except KeyboardInterrupt:
        alive = [job.id for job in observe(home, again).jobs if not job.is_settled]
        console.note(f"interrupted: cancelling {again}")
        cancel(home, again, alive)
        follow(console, watch(home, again))
        return ExitCode.INTERRUPTED
    found = compare_results(home, experiment_id, again)
    if settings.json:
        console.document(reproduced_document(experiment_id, again, found))
    else:
        console.out.lines(_outcome_lines(experiment_id, status, found, console.out))
        console.note(f"note: {_SEEDS}")
    return verdict(status) or (ExitCode.JOB_FAILED if found else ExitCode.OK)


def _outcome_lines(
    experiment_id: str,
    status: ExperimentStatus,
    found: Sequence[Difference],
    channel: Channel,
) -> Iterator[Line]:
    yield from failure_report(status, channel)
    differing = {one.place for one in found}
    for job in status.jobs:
        word, style = _VERDICTS[job.id not in differing]
        yield ((word.ljust(len("differs")), style), (f"  {job.id}", ""))
        yield from difference_lines([one for one in found if one.place == job.id], channel)
    same = len(status.jobs) - len(differing)
    yield ()
    yield from sentence_lines(
        [f"{same} of {len(status.jobs)} jobs ended and returned as in {experiment_id}"],
        channel,
        indent="",
    )
