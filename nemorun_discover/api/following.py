"""Wait for an experiment and show it meanwhile, through the command line's own console."""

from __future__ import annotations

import codecs
import os
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from nemorun_discover.cli.console import open_console
from nemorun_discover.cli.progress import follow, plain_progress
from nemorun_discover.cli.render_failures import failure_report
from nemorun_discover.cli.render_jobs import heading_lines, job_table
from nemorun_discover.cli.render_summary import closing_lines
from nemorun_discover.cli.settings import Settings
from nemorun_discover.lifecycle.cancel import cancel
from nemorun_discover.lifecycle.carry_on import carry_on
from nemorun_discover.lifecycle.logs import stream_logs, whole_lines
from nemorun_discover.lifecycle.observe import observe
from nemorun_discover.lifecycle.reading import runs_here
from nemorun_discover.lifecycle.remote_logs import RemoteLogs
from nemorun_discover.lifecycle.watch import LOOK_AFTER_DRIVER_S, watch

if TYPE_CHECKING:
    from collections.abc import Collection

    from nemorun_discover.cli.console import Channel, Console
    from nemorun_discover.cli.progress import Update
    from nemorun_discover.model.status import ExperimentStatus
    from nemorun_discover.store.home import Home


def console_of(*, is_silent: bool = False) -> Console:
    """The console of this process."""
    return open_console(Settings(directory=Path(), verbosity=-1 if is_silent else 0))


def follow_to_end(
    home: Home,
    experiment_id: str,
    console: Console,
    *,
    tailed: Collection[str] = (),
    timeout_s: float | None = None,
) -> ExperimentStatus:
    """Show the experiment until it is over; where it stands then.

    Args:
        home: Where it is.
        experiment_id: Which.
        console: Where it is shown.
        tailed: Ids of the jobs whose log is shown instead.
        timeout_s: How long to wait; None for ever.

    Raises:
        WaitTimeout: It is not over after that time.
    """
    if not tailed or timeout_s is not None or console.verbosity < 0:
        return follow(console, watch(home, experiment_id, timeout_s=timeout_s))
    update = plain_progress(console.err)
    with closing(remote_logs(home, experiment_id, tailed, console)) as remote:
        _tail(_Look(home, experiment_id, update, remote), tailed, console)
    status = observe(home, experiment_id)
    for status in watch(home, experiment_id):
        update(status)
    return status


def remote_logs(
    home: Home, experiment_id: str, jobs: Collection[str], console: Console
) -> RemoteLogs:
    """What keeps the logs of these jobs, where they run elsewhere, in step with this machine."""
    record = home.read_record(experiment_id)
    return RemoteLogs(home, record, jobs, os.environ, lambda one: console.note(f"note: {one}"))


def cancel_jobs_here(home: Home, experiment_id: str, console: Console) -> None:
    """What Ctrl-C does: the jobs of this machine are ended, the others go on."""
    executors = home.read_record(experiment_id).executors
    alive = [job for job in observe(home, experiment_id).jobs if not job.is_settled]
    ours = [job.id for job in alive if runs_here(executors[job.executor])]
    if ours:
        console.note(f"interrupted: cancelling {', '.join(ours)}")
        cancel(home, experiment_id, ours)
        follow(console, watch(home, experiment_id, job_ids=ours))
    if len(ours) < len(alive):
        console.note(f"the other jobs go on; to end them: nemorun cancel {experiment_id}")


def show_table(status: ExperimentStatus, console: Console) -> None:
    """The experiment and its jobs, with their own report where they failed, on stdout."""
    lines = [*heading_lines(status, console.out), *job_table(status, console)]
    summary = closing_lines(status)[0]
    console.out.lines([*lines, (), summary])


def show_failures(status: ExperimentStatus, console: Console) -> None:
    """What each failed job has to say, on stdout."""
    console.out.lines(failure_report(status, console.out))


def show_commands(status: ExperimentStatus, console: Console) -> None:
    """The commands that show more or carry on, on stderr."""
    for line in closing_lines(status, after="run", columns=console.err.width)[2:]:
        console.note(*line)


def write_text(channel: Channel, text: str) -> None:
    """Write a log's text, with escapes for what the stream's encoding cannot hold."""
    is_safe = channel.unicode or text.isascii()
    channel.verbatim(text if is_safe else text.encode("ascii", "backslashreplace").decode())


def _tail(look: _Look, tailed: Collection[str], console: Console) -> None:
    """Show logs on stdout until their jobs are over."""
    pieces = stream_logs(look, tailed, follow=True)
    with closing(pieces):
        if len(tailed) > 1:
            for line in whole_lines(pieces):
                prefix = console.out.paint(((f"{line.job} | ", "bold"),))
                write_text(console.out, f"{prefix}{line.text.decode(errors='replace')}\n")
            return
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        for piece in pieces:
            write_text(console.out, decoder.decode(piece.text, final=piece.is_last))


class _Look:
    """Where the experiment stands now; a driver that has died is replaced."""

    def __init__(self, home: Home, experiment_id: str, update: Update, remote: RemoteLogs) -> None:
        self._home = home
        self._id = experiment_id
        self._update = update
        self._remote = remote
        self._looked_after = float("-inf")

    def __call__(self) -> ExperimentStatus:
        now = time.monotonic()
        if now - self._looked_after > LOOK_AFTER_DRIVER_S:
            carry_on(self._home, self._id)
            self._looked_after = now
        status = self._remote.look()
        self._update(status)
        return status
