"""An experiment that was launched: look at it, wait for it, read its logs, end it."""

from __future__ import annotations

import re
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nemorun_discover.api.following import (
    cancel_jobs_here,
    follow_to_end,
    remote_logs,
    show_commands,
    show_failures,
    show_table,
    write_text,
)
from nemorun_discover.api.named import group_ids, jobs_called
from nemorun_discover.api.result import failure_of, results_of
from nemorun_discover.cli.progress import follow
from nemorun_discover.cli.reference import keep_going
from nemorun_discover.errors import ExecutorRefused, UsageError, WaitTimeout
from nemorun_discover.lifecycle.cancel import cancel
from nemorun_discover.lifecycle.freshness import runs_here_only, until_handed_over
from nemorun_discover.lifecycle.logs import last_lines, stream_logs, whole_lines
from nemorun_discover.lifecycle.observe import observe
from nemorun_discover.lifecycle.watch import watch

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from nemorun_discover.api.result import Result
    from nemorun_discover.cli.console import Console
    from nemorun_discover.errors import JobFailed
    from nemorun_discover.model.job import Job
    from nemorun_discover.model.status import ExperimentStatus
    from nemorun_discover.store.home import Home

_PATIENCE_S = 10.0
_DEFAULT_GRACE_S = 10.0


class Launched:
    """One experiment of the record.

    Args:
        home: Where it is.
        experiment_id: Which.
        jobs: Its jobs.
        tailed: Ids of the jobs whose log is shown while it is waited for.
    """

    def __init__(
        self, home: Home, experiment_id: str, jobs: Sequence[Job], *, tailed: Collection[str] = ()
    ) -> None:
        self.id = experiment_id
        self._home = home
        self._jobs = jobs
        self._tailed = tailed
        self._cancelled: set[str] = set()

    def status(self, console: Console) -> ExperimentStatus:
        """Where it stands now; it gets a driver where its own has died."""
        keep_going(self._home, self.id, console)
        return observe(self._home, self.id)

    def wait(self, console: Console, timeout_s: float | None = None) -> ExperimentStatus:
        """Wait until it is over. The first Ctrl-C ends the jobs of this machine.

        Raises:
            WaitTimeout: It is not over after that time.
        """
        try:
            return follow_to_end(
                self._home, self.id, console, tailed=self._tailed, timeout_s=timeout_s
            )
        except KeyboardInterrupt:
            self.interrupt(console)
            raise

    def interrupt(self, console: Console) -> None:
        """What Ctrl-C does."""
        cancel_jobs_here(self._home, self.id, console)

    def results(self, status: ExperimentStatus) -> dict[str, Result]:
        """By id, what came out of its jobs and groups."""
        return results_of(status, group_ids(self._jobs))

    def failure(self, status: ExperimentStatus) -> JobFailed | None:
        """Its error; jobs that were cancelled through this object are none."""
        return failure_of(status, self._cancelled)

    def show(self, status: ExperimentStatus, console: Console, *, explain: bool) -> None:
        """Print its table; and what its failed jobs have to say."""
        show_table(status, console)
        if explain:
            show_failures(status, console)

    def say_goodbye(self, status: ExperimentStatus, console: Console) -> None:
        """Print the commands that tell more."""
        show_commands(status, console)

    def tell_status(self, console: Console, *, as_dict: bool) -> dict[str, dict[str, Any]] | None:
        """Print where its jobs stand, or return it by job id."""
        status = self.status(console)
        if as_dict:
            return self._as_dict(status)
        self.show(status, console, explain=False)
        return None

    def hand_over(self, console: Console) -> bool:
        """Wait until jobs that run elsewhere are submitted; True.

        Raises:
            ExecutorRefused: Some were not; the others run.
        """
        record = self._home.read_record(self.id)
        if runs_here_only(record):
            return True
        status = follow(console, until_handed_over(self._home, record))
        refused = [job for job in status.jobs if job.is_refused]
        if refused:
            why = last_lines(Path(refused[0].log or ""), 1)
            raise ExecutorRefused(
                f"{len(refused)} of {len(status.jobs)} jobs were not submitted: {' '.join(why)}",
                hint=f"nemorun rerun {self.id} --failed tries those again",
            )
        return True

    def print_logs(self, name: str, regex: str | None, console: Console) -> None:
        """Print the logs of a job, or of a group's members with the job's name before each line.

        Raises:
            UsageError: There is no such job, or the expression is none.
        """
        wanted = jobs_called(name, self._jobs, self.id)
        keep_going(self._home, self.id, console)
        expression = _compiled(regex)
        with closing(remote_logs(self._home, self.id, wanted, console)) as remote:
            for line in whole_lines(stream_logs(remote.look, wanted)):
                text = line.text.decode(errors="replace")
                if expression is None or expression.search(text):
                    prefix = f"{line.job} | " if len(wanted) > 1 else ""
                    write_text(console.out, f"{prefix}{text}\n")

    def cancel(self, name: str | None, console: Console) -> None:
        """End a job, a group, or all of it, and wait until it has ended.

        Raises:
            UsageError: There is no such job.
            ExecutorRefused: It did not end in time; the request stands.
        """
        wanted = [job.id for job in self._jobs]
        if name is not None:
            wanted = list(jobs_called(name, self._jobs, self.id))
        status = self.status(console)
        alive = [job.id for job in status.jobs if job.id in wanted and not job.is_settled]
        if not alive:
            return
        self._cancelled |= set(alive)
        cancel(self._home, self.id, alive)
        patience_s = self._grace_s() + _PATIENCE_S
        try:
            follow(console, watch(self._home, self.id, job_ids=alive, timeout_s=patience_s))
        except WaitTimeout as error:
            raise ExecutorRefused(
                f"{', '.join(alive)} did not end within {patience_s:g} s",
                hint="the request stands; status() shows when it is done",
            ) from error

    def _as_dict(self, status: ExperimentStatus) -> dict[str, dict[str, Any]]:
        layout = self._home.layout.experiment(self.id)
        return {
            job.id: {
                "name": job.id.rpartition("@")[0],
                "status": job.state,
                "executor": job.executor,
                "job_id": job.native_id,
                "handle": job.handle,
                "local_dir": str(layout.job(job.slug).root),
                "exit_code": job.exit_code,
                "reason": job.reason,
                "log": job.log,
            }
            for job in status.jobs
        }

    def _grace_s(self) -> float:
        executors = self._home.read_record(self.id).executors.values()
        return max(float(one.get("grace_s") or _DEFAULT_GRACE_S) for one in executors)


def _compiled(regex: str | None) -> re.Pattern[str] | None:
    try:
        return None if regex is None else re.compile(regex)
    except re.error as error:
        raise UsageError(f"regex={regex!r} is no regular expression: {error}") from error
