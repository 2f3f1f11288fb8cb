"""Jobs through SkyPilot: what the driver asks is answered at once, what SkyPilot is asked happens in threads."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

from nemorun_discover.errors import (
    ConfigError,
    DamagedFile,
    ExecutorRefused,
    NemorunError,
    UnreadableFile,
)
from nemorun_discover.model.state import State
from nemorun_discover.model.status import Contact
from nemorun_discover.schedulers.handles import handle_of
from nemorun_discover.schedulers.local.evidence import read_fact
from nemorun_discover.schedulers.protocol import Fact, Scheduler, Started, Submission
from nemorun_discover.schedulers.skypilot.ending import what_stayed
from nemorun_discover.schedulers.skypilot.line import Line
from nemorun_discover.schedulers.skypilot.managed import Managed
from nemorun_discover.schedulers.skypilot.on_cluster import OnCluster
from nemorun_discover.schedulers.skypilot.request import cluster_of, request_of
from nemorun_discover.schedulers.skypilot.run import Run, key_of
from nemorun_discover.schedulers.skypilot.sdk import Sky, require_sky
from nemorun_discover.schedulers.skypilot.states import meaning_of
from nemorun_discover.schedulers.skypilot.support import check_settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nemorun_discover.executors.base import Executor
    from nemorun_discover.executors.skypilot import SkypilotSettings

MANAGED = "managed jobs"


class SkypilotScheduler(Scheduler):
    """Jobs on clusters: each cluster has a thread of its own.

    Args:
        env: The caller's environment; SkyPilot reads it by itself.
    """

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env
        self._sky = Sky()
        self._lines: dict[str, Line] = {}
        self._executors: dict[str, str] = {}

    def check(self, name: str, executor: Executor) -> None:
        """Refuse without SkyPilot, and what contradicts itself; no cloud is asked."""
        require_sky(name)
        try:
            check_settings(cast("SkypilotSettings", executor))
        except ConfigError as error:
            raise ExecutorRefused(f"{name}: {error.message}", hint=error.hint) from error

    def request(self, submission: Submission) -> Mapping[str, object]:
        """SkyPilot's task in the form of its YAML, and what is told beside it."""
        return request_of(submission)

    def can_start(self, submissions: Sequence[Submission]) -> bool:  # noqa: ARG002 - SkyPilot has the room
        """Always: SkyPilot finds the room."""
        return True

    def submit(self, submission: Submission) -> None:
        """Hand the attempt to the thread of its line."""
        self._take(submission)

    def adopt(self, submission: Submission) -> Started | None:
        """Find the attempt by what an earlier process wrote down; SkyPilot is asked by the thread."""
        run = Run(submission=submission)
        run.recall()
        if run.id is None:
            return None
        run = self._take(submission)
        return Started(
            native_id=self._native_id(run), handle=_handle(submission), state=State.PENDING
        )

    def query(self, submissions: Sequence[Submission]) -> Mapping[str, Fact]:
        """What the threads have heard."""
        facts = {}
        for submission in submissions:
            line = self._lines.get(self._line_name(submission))
            run = line.get(key_of(submission)) if line else None
            if run is None or line is None:
                continue
            if run.fact is None and not line.is_alive():
                raise NemorunError(f"{line.name}: its thread has failed; the lines above say why")
            if not _is_unheard(run):
                facts[submission.job.id] = self._fact(run)
        return facts

    def cancel(self, submissions: Sequence[Submission]) -> None:
        """Ask for their end, in their threads."""
        for submission in submissions:
            line = self._lines.get(self._line_name(submission))
            if line is not None:
                line.cancel(key_of(submission))

    def close(self) -> None:
        """Stop the threads; the jobs go on."""
        for line in self._lines.values():
            line.close()

    def contacts(self) -> Mapping[str, Contact]:
        """By executor, how SkyPilot is heard."""
        lines = {name: self._lines[line] for name, line in self._executors.items()}
        return {
            name: Contact(as_of=line.heard_at, trouble=line.trouble, progress=line.doing)
            for name, line in lines.items()
        }

    def refuses_outputs(self, submission: Submission) -> str | None:
        """Outputs come back with the job's log, as long as they are small; None for what came whole."""
        size = what_stayed(submission.paths)
        if not size:
            return None
        return f"{size / 1e6:.0f} MB of them stayed on the cluster, which is more than SkyPilot's log brings"

    def _take(self, submission: Submission) -> Run:
        name = self._line_name(submission)
        line = self._lines.get(name)
        if line is None:
            line = self._lines[name] = Line(name, self._service(name))
            line.start()
        self._executors[submission.job.executor] = name
        run = line.get(key_of(submission))
        if run is None:
            run = Run(submission=submission)
            run.recall()
            try:
                run.fact = read_fact(run.paths, is_here=False)
            except (DamagedFile, UnreadableFile) as error:
                run.damage = (
                    error.message
                )  # its log is read again, and what it left comes with that
            line.add(run)
        return run

    def _line_name(self, submission: Submission) -> str:
        return cluster_of(submission)

    def _service(self, name: str) -> OnCluster | Managed:
        return OnCluster(self._sky, name)

    def _native_id(self, run: Run) -> str:
        return f"{cluster_of(run.submission)}/{run.id}"

    def _fact(self, run: Run) -> Fact:
        has_arrived = run.id is not None
        native_id = self._native_id(run) if has_arrived else None
        handle = _handle(run.submission) if has_arrived else None
        if run.fact is not None:
            return replace(run.fact, native_id=native_id, handle=handle)
        state, reason = meaning_of(run.raw) if run.raw else (State.PENDING, None)
        if state.is_final or run.begun_at:  # after its end, what it left is being read
            state, reason = State.RUNNING, None
        return Fact(
            state=state,
            reason=reason,
            raw_state=run.raw,
            started_at=run.begun_at,
            native_id=native_id,
            handle=handle,
            message=run.message,
        )


class SkypilotJobsScheduler(SkypilotScheduler):
    """Managed jobs: one thread for all of them."""

    def _line_name(self, submission: Submission) -> str:  # noqa: ARG002 - there is one
        return MANAGED

    def _service(self, name: str) -> Managed:  # noqa: ARG002 - there is one
        return Managed(self._sky)

    def _native_id(self, run: Run) -> str:
        return str(run.id)


def _is_unheard(run: Run) -> bool:
    """True of a job that an earlier process started, until SkyPilot has said where it stands."""
    is_known = run.raw is not None or run.begun_at is not None or run.fact is not None
    return run.was_asked and run.id is not None and not is_known


def _handle(submission: Submission) -> str:
    return handle_of(f"nemorun_{submission.executor.kind}", submission)
