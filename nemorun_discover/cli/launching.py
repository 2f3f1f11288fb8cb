"""Launch a plan and watch it to its end: what `run` and `rerun` share."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from nemorun_discover.cli.documents import status_document
from nemorun_discover.cli.event_stream import streamed
from nemorun_discover.cli.progress import follow
from nemorun_discover.cli.render_contact import contact_lines
from nemorun_discover.cli.render_failures import failure_report
from nemorun_discover.cli.render_jobs import heading_lines, job_table
from nemorun_discover.cli.render_summary import closing_lines, verdict
from nemorun_discover.errors import ExitCode
from nemorun_discover.lifecycle.cancel import cancel
from nemorun_discover.lifecycle.freshness import runs_here_only, until_handed_over
from nemorun_discover.lifecycle.launch import launch
from nemorun_discover.lifecycle.observe import observe
from nemorun_discover.lifecycle.reading import runs_here
from nemorun_discover.lifecycle.watch import watch
from nemorun_discover.store.home import open_home

if TYPE_CHECKING:
    from nemorun_discover.cli.console import Console
    from nemorun_discover.lifecycle.plan import Plan
    from nemorun_discover.lifecycle.standby import Standby
    from nemorun_discover.model.status import ExperimentStatus
    from nemorun_discover.store.home import Home


def launch_and_watch(
    plan: Plan,
    console: Console,
    *,
    detach: bool,
    as_json: bool,
    driver: Standby | None = None,
) -> ExitCode:
    """Launch a plan; unless detached, follow it, print what came out, and say how it ended."""
    home = open_home(os.environ)
    experiment_id = launch(
        home,
        plan,
        os.environ,
        tell=lambda note: console.note(f"note: {note}"),
        driver=driver,
    )
    names = ", ".join(plan.executors)
    console.note(f"experiment {experiment_id}: {_count(len(plan.jobs), 'job')} on {names}")
    if detach:
        return _leave(home, experiment_id, console, as_json=as_json)
    statuses = watch(home, experiment_id)
    if as_json:
        statuses = streamed(home, experiment_id, statuses, console)
    was_interrupted = False
    try:
        status = follow(console, statuses)
    except KeyboardInterrupt:
        was_interrupted = True
        status = _interrupt(home, experiment_id, plan, console)
    _print_end(status, console, as_json=as_json)
    return ExitCode.INTERRUPTED if was_interrupted else verdict(status)


def _leave(home: Home, experiment_id: str, console: Console, *, as_json: bool) -> ExitCode:
    """Return once the jobs are submitted; 6 when an executor refused one."""
    record = home.read_record(experiment_id)
    if runs_here_only(record):
        status = observe(home, experiment_id)
    else:
        status = follow(console, until_handed_over(home, record))
    is_refused = any(job.is_refused for job in status.jobs)
    code = ExitCode.REFUSED if is_refused else ExitCode.OK
    if as_json:
        console.stream_document(status_document(status))
        return code
    console.out.line(experiment_id)
    for line in contact_lines(status, console.err, status.as_of):
        console.note(*line)
    if is_refused:
        console.out.lines(failure_report(status, console.out))
    for line in closing_lines(status, after="run", columns=console.err.width)[2:]:
        console.note(*line)
    return code


def _interrupt(home: Home, experiment_id: str, plan: Plan, console: Console) -> ExperimentStatus:
    """The first Ctrl-C: jobs on this machine are cancelled, the others go on. A second one leaves at once."""
    here = {name for name, table in plan.executors.items() if runs_here(table)}
    status = observe(home, experiment_id)
    alive = [job for job in status.jobs if not job.is_settled]
    ours = [job.id for job in alive if job.executor in here]
    if ours:
        console.note(f"interrupted: cancelling {_count(len(ours), 'job')} on this machine")
        cancel(home, experiment_id, ours)
    if len(ours) < len(alive):
        console.note(
            f"{_count(len(alive) - len(ours), 'job')} elsewhere will go on; to end them:"
            f" nemorun cancel {experiment_id}"
        )
    return follow(console, watch(home, experiment_id, job_ids=ours))


def _print_end(status: ExperimentStatus, console: Console, *, as_json: bool) -> None:
    if as_json:
        console.stream_document(status_document(status))
        return
    table = [*heading_lines(status, console.out), *job_table(status, console)]
    summary, *hints = closing_lines(status, after="run", columns=console.err.width)
    console.out.lines([*table, (), *failure_report(status, console.out), summary])
    for line in hints:
        console.note(*line)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
