"""Jobs on any scheduler of TorchX: what the lifecycle asks, answered from files and from what the clerk knows."""

from __future__ import annotations

import signal
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from nemorun_discover.errors import ExecutorRefused
from nemorun_discover.model.state import Reason, State
from nemorun_discover.model.status import Contact
from nemorun_discover.schedulers.checkouts import lay_out_code
from nemorun_discover.schedulers.environment import require_secrets
from nemorun_discover.schedulers.handles import handle_of
from nemorun_discover.schedulers.local.process import send_signal
from nemorun_discover.schedulers.protocol import Fact, Scheduler, Started, Submission
from nemorun_discover.schedulers.torchx.calls import off_the_main_thread
from nemorun_discover.schedulers.torchx.clerk import Clerk
from nemorun_discover.schedulers.torchx.errand import Errand
from nemorun_discover.schedulers.torchx.evidence import app_of, fact_of, process_of, show_why
from nemorun_discover.schedulers.torchx.preview import preview
from nemorun_discover.schedulers.torchx.sdk import Sdk
from nemorun_discover.schedulers.torchx.settings import settings_of
from nemorun_discover.schedulers.torchx.support import refuse_what_cannot_be

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nemorun_discover.executors.base import Executor
    from nemorun_discover.executors.torchx import TorchxExecutor

BACKEND = "nemorun_torchx"


class TorchxScheduler(Scheduler):
    """Hands jobs to TorchX, follows them and ends them.

    Args:
        env: The caller's environment.
    """

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env
        self._sdk = Sdk()
        self._clerks: dict[str, Clerk] = {}
        self._errands: dict[tuple[str, int], Errand] = {}

    def check(self, name: str, executor: Executor) -> None:
        """Refuse a scheduler that TorchX has not, options it does not know, and what has no meaning for it."""
        settings = cast("TorchxExecutor", executor)
        off_the_main_thread(lambda: refuse_what_cannot_be(name, settings, self._sdk))

    def request(self, submission: Submission) -> Mapping[str, object]:
        """TorchX's own dry run, and what the job is told besides.

        Raises:
            ExecutorRefused: The job has secrets, which this scheduler would show to others.
        """
        executor = cast("TorchxExecutor", submission.executor)
        if submission.environment and not executor.sees_this_machine:
            raise ExecutorRefused(
                f"{submission.job.id}: {executor.scheduler} would show its secret {next(iter(submission.environment))} to others",
                hint="let the job find it where the scheduler keeps secrets",
            )
        return off_the_main_thread(lambda: preview(submission, self._sdk))

    def can_start(self, submissions: Sequence[Submission]) -> bool:  # noqa: ARG002 - the scheduler has a queue
        """Always: room is the scheduler's business."""
        return True

    def submit(self, submission: Submission) -> Started | None:
        """Lay out the job's code, if it has its own, and let the clerk hand the attempt over."""
        if self._app_of(submission).get("handle") is None:
            require_secrets(submission)
            lay_out_code(submission)
        self._look_after(submission)
        return None

    def adopt(self, submission: Submission) -> Started | None:
        """Find an attempt that has begun; what waits in a queue is found when it is submitted again."""
        handle = self._app_of(submission).get("handle")
        process = process_of(submission.paths.attempt(submission.attempt))
        if handle is None or process is None:
            return None
        self._look_after(submission)
        return Started(
            native_id=handle,
            handle=handle_of(BACKEND, submission),
            state=State.RUNNING,
            host=process.get("host"),
        )

    def query(self, submissions: Sequence[Submission]) -> Mapping[str, Fact]:
        """Look at each attempt's folder, and at what TorchX said of it last."""
        known = [(one, self._errands.get(_key(one))) for one in submissions]
        facts = {one.job.id: self._fact(errand) for one, errand in known if errand is not None}
        return {job_id: fact for job_id, fact in facts.items() if fact is not None}

    def cancel(self, submissions: Sequence[Submission]) -> None:
        """Tell a job of this machine to end; the clerk cancels what runs elsewhere, or waits."""
        for submission in submissions:
            errand = self._errands.get(_key(submission))
            if errand is None or errand.is_over:
                continue
            errand.is_cancelled = True
            process = process_of(submission.paths.attempt(submission.attempt))
            if process is None or not send_signal(process, signal.SIGTERM):
                self._clerks[errand.scheduler].wake()

    def close(self) -> None:
        """Let go of the thread; jobs go on."""
        for clerk in self._clerks.values():
            clerk.close()

    def contacts(self) -> Mapping[str, Contact]:
        """By executor, when TorchX answered last, and why it does not."""
        contacts: dict[str, Contact] = {}
        for errand in self._errands.values():
            if errand.is_over or (errand.heard_at is None and errand.trouble is None):
                continue
            name = errand.submission.job.executor
            if name not in contacts or errand.trouble:
                contacts[name] = Contact(as_of=errand.heard_at, trouble=errand.trouble)
        return contacts

    def refuses_outputs(self, submission: Submission) -> str | None:
        """A job that does not see this machine's files keeps its outputs, and gets results alone."""
        executor = settings_of(submission)
        if executor.sees_this_machine:
            return None
        return f"jobs of {submission.job.executor} see no files of this machine, and are sent results alone"

    def _look_after(self, submission: Submission) -> None:
        if _key(submission) not in self._errands:
            errand = Errand(submission=submission)
            if errand.scheduler not in self._clerks:
                self._clerks[errand.scheduler] = Clerk(self._sdk, self._env)
            self._clerks[errand.scheduler].take(errand)
            self._errands[_key(submission)] = errand

    def _fact(self, errand: Errand) -> Fact | None:
        if errand.refusal is not None:
            return _refused(errand)
        if errand.end is None:
            fact = self._fact_now(errand)
            if fact is None or not fact.state.is_final:
                return fact
            errand.end, errand.is_over = fact, True
            if fact.reason == Reason.START_FAILED:
                show_why(errand.submission)
        return errand.end

    def _fact_now(self, errand: Errand) -> Fact | None:
        submission = errand.submission
        handle = errand.handle or self._app_of(submission).get("handle")
        if errand.is_called_off:
            fact: Fact | None = Fact(state=State.CANCELLED)
        elif handle is None:
            return None  # it is being handed over; its name comes first
        else:
            fact = fact_of(
                errand.paths,
                errand.view,
                is_cancelled=errand.is_cancelled,
                is_boxed=errand.is_boxed,
            )
        fact = fact or Fact(state=errand.state)
        errand.state = fact.state
        if handle is None:
            return fact
        return replace(fact, native_id=handle, handle=handle_of(BACKEND, submission))

    def _app_of(self, submission: Submission) -> Mapping[str, str]:
        return app_of(submission.paths.attempt(submission.attempt))


def _key(submission: Submission) -> tuple[str, int]:
    return submission.job.id, submission.attempt


def _refused(errand: Errand) -> Fact:
    error = errand.refusal
    sentence = f"{error.message}; {error.hint}" if error and error.hint else str(error)
    return Fact(state=State.PLANNED, reason=Reason.REFUSED, message=sentence)
