"""Jobs on this machine: each a process in its own session, with a supervisor that outlives us."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from nemorun_discover.documents import JobOrders, Process, read_object
from nemorun_discover.errors import DamagedFile, ExecutorRefused, NemorunError, UnreadableFile
from nemorun_discover.executors.codec import launcher_of
from nemorun_discover.launchers.nsys import profiles_folder
from nemorun_discover.model.event import utc_now
from nemorun_discover.model.state import Reason, State
from nemorun_discover.model.status import Contact
from nemorun_discover.schedulers.checkouts import Checkouts
from nemorun_discover.schedulers.environment import require_secrets
from nemorun_discover.schedulers.handles import handle_of
from nemorun_discover.schedulers.local.evidence import read_fact
from nemorun_discover.schedulers.local.process import processes_of, send_signal
from nemorun_discover.schedulers.local.processes import (
    local_environment,
    place_of,
    python_of,
    supervisor_argv,
)
from nemorun_discover.schedulers.local.slots import (
    VARIABLE,
    Holder,
    MachineGpus,
    Slots,
    contacts_of,
    have_room,
)
from nemorun_discover.schedulers.local.support import refusal
from nemorun_discover.schedulers.protocol import Fact, Scheduler, Started, Submission
from nemorun_discover.schedulers.table import scheduler_of
from nemorun_discover.shortage import is_passing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from nemorun_discover.executors.base import Executor
    from nemorun_discover.executors.local import LocalExecutor


# Supervisors this process has started: kept until they end, so that they are reaped and not complained about.
_supervisors: list[subprocess.Popen[bytes]] = []


class LocalScheduler(Scheduler):
    """Starts, finds, watches and ends jobs on this machine.

    Args:
        env: The caller's environment, which jobs inherit.
    """

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env
        self._slots: dict[str, Slots] = {}
        self._gpus = MachineGpus(env, still_runs=self._runs_in_a_container)
        self._waiting: dict[str, Submission] = {}
        self._dropped: set[str] = set()
        self._short: dict[str, tuple[str, str]] = {}
        self._called_off: set[str] = set()  # attempts whose supervisor was ended before it had them
        self._unclaimed: set[str] = set()
        self._untold: dict[tuple[str, str], str] = {}
        self._told_at: dict[str, datetime] = {}
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._checkouts = Checkouts()

    def check(self, name: str, executor: Executor) -> None:
        """Refuse what this version cannot do, and more GPUs than there are."""
        found = refusal(cast("LocalExecutor", executor), self._env)
        if found is not None:
            sentence, hint = found
            raise ExecutorRefused(f"{name}: {sentence}", hint=hint)

    def request(self, submission: Submission) -> Mapping[str, object]:
        """The process that would be started: argv, working directory, and the variables that are added."""
        return {
            "argv": supervisor_argv(submission, self._env),
            "cwd": str(submission.root),
            "env": local_environment(submission, self._env, inherited={}),
        }

    def can_start(self, submissions: Sequence[Submission]) -> bool:
        """True when the executor has as many free places as these are, and free GPUs for all of them."""
        return have_room(submissions, self._slots_of, gpus_field="gpus_per_task")

    def submit(self, submission: Submission) -> Started | None:
        """Lay out the job's code, if it has its own, and start the attempt's supervisor.

        An attempt whose GPUs another experiment has taken, since the one before it ended, waits for them.
        """
        require_secrets(submission)
        self._checkouts.lay_out(submission)
        answer = self._start(submission)
        if answer is None:
            self._waiting[submission.job.id] = submission
        return answer

    def adopt(self, submission: Submission) -> Started | None:
        """Find the attempt by the files in its folder."""
        attempt = submission.paths.attempt(submission.attempt)
        try:
            process = read_object(attempt.process, Process)
        except (DamagedFile, UnreadableFile):
            process = {}
        if process is None:
            # Somebody has deleted the file, or the supervisor is about to write it: a second one would run beside it.
            if not processes_of(attempt.root):
                return None
            self._unclaimed.add(submission.job.id)
        known = process or {}
        devices = tuple(one for one in known.get("gpus", "").split(",") if one)
        self._slots_of(submission).keep(submission.job.id, devices)
        pid = known.get("pid") or next(iter(processes_of(attempt.root) or ()), None)
        return started(submission, pid)

    def query(self, submissions: Sequence[Submission]) -> Mapping[str, Fact]:
        """Look at each attempt's folder and process."""
        facts = {}
        for submission in submissions:
            job = submission.job
            try:
                fact = self._query_one(submission)
            except UnreadableFile as error:
                self._untold[job.executor, job.id] = error.message
                continue
            self._untold.pop((job.executor, job.id), None)
            self._told_at[job.executor] = utc_now()
            if fact is not None:
                facts[job.id] = fact
                if fact.message and fact.reason == Reason.DAMAGED and not fact.state.is_final:
                    self._untold[job.executor, job.id] = fact.message
        return facts

    def cancel(self, submissions: Sequence[Submission]) -> None:
        """Tell each supervisor to end its job: TERM, and KILL after the executor's grace."""
        for submission in submissions:
            if self._waiting.pop(submission.job.id, None) is not None:
                self._slots_of(submission).release(submission.job.id)
                self._dropped.add(submission.job.id)
                continue
            attempt = submission.paths.attempt(submission.attempt)
            child = self._children.get(submission.job.id)
            try:
                process = read_object(attempt.process, Process)
            except DamagedFile:
                self._end_unknown(submission)
            except UnreadableFile:
                continue  # asked again at the next look
            else:
                if process is not None:
                    send_signal(process, signal.SIGTERM)
                elif child is not None and child.poll() is None:
                    # It cannot write down that it has the attempt; if it has by now, this is the same signal.
                    child.terminate()
                    self._called_off.add(submission.job.id)
                elif submission.job.id in self._unclaimed:
                    self._end_unknown(submission)

    def close(self) -> None:
        """Let go of the GPUs of jobs that have ended; those that run hold theirs themselves."""
        for slots in self._slots.values():
            slots.let_go()

    def contacts(self) -> Mapping[str, Contact]:
        """Which jobs wait for GPUs of other experiments, what the supervisors of others wait for, and what is untold."""
        contacts = contacts_of(self._slots)
        for job_id, (name, sentence) in self._short.items():
            known = contacts.get(name, Contact())
            contacts[name] = replace(known, waiting={**known.waiting, job_id: sentence})
        for (name, _), trouble in self._untold.items():
            known = contacts.get(name, Contact())
            contacts[name] = replace(known, as_of=self._told_at.get(name), trouble=trouble)
        return contacts

    def _end_unknown(self, submission: Submission) -> None:
        """End an attempt whose process.json does not name its supervisor: it is the oldest of its processes."""
        child = self._children.get(submission.job.id)
        if child is not None:
            if child.poll() is None:
                child.terminate()
            return
        oldest = next(
            iter(processes_of(submission.paths.attempt(submission.attempt).root) or ()), None
        )
        if oldest is not None:
            with suppress(OSError):
                os.kill(oldest, signal.SIGTERM)

    def _start(self, submission: Submission) -> Started | None:
        slots = self._slots_of(submission)
        devices = slots.take(submission.job.id)
        if devices is None:
            return None
        try:
            process = self._spawn(submission, devices, slots.descriptors(submission.job.id))
        except (OSError, ValueError) as error:
            slots.release(submission.job.id)
            raise ExecutorRefused(f"{submission.job.id}: {_why(error, submission)}") from error
        self._children[submission.job.id] = process
        _supervisors[:] = [process, *(one for one in _supervisors if one.poll() is None)]
        return started(submission, process.pid)

    def _start_late(self, submission: Submission) -> Fact:
        """Start an attempt that waits for GPUs, if they are free by now."""
        try:
            answer = self._start(submission)
        except ExecutorRefused as error:
            if is_passing(error):
                return Fact(state=State.PENDING)
            del self._waiting[submission.job.id]
            return Fact(state=State.PLANNED, reason=Reason.REFUSED, message=error.message)
        if answer is None:
            return Fact(state=State.PENDING)
        del self._waiting[submission.job.id]
        return Fact(
            state=answer.state,
            host=answer.host,
            native_id=answer.native_id,
            handle=answer.handle,
        )

    def _query_one(self, submission: Submission) -> Fact | None:
        if submission.job.id in self._waiting:
            return self._start_late(submission)
        if submission.job.id in self._dropped:
            return Fact(state=State.CANCELLED)
        child = self._children.get(submission.job.id)
        has_ended = child is not None and child.poll() is not None
        attempt = submission.paths.attempt(submission.attempt)
        fact = read_fact(attempt)
        if fact is None and has_ended and submission.job.id in self._called_off:
            fact = Fact(state=State.CANCELLED)
        elif fact is None and has_ended and child is not None:
            fact = _without_evidence(submission, child.returncode)
        elif (
            fact is None and submission.job.id in self._unclaimed and not processes_of(attempt.root)
        ):
            fact = read_fact(attempt) or _without_evidence(submission, 0)
        self._short.pop(submission.job.id, None)
        is_damaged = fact is not None and fact.reason == Reason.DAMAGED
        if fact is not None and fact.message and fact.state is State.RUNNING and not is_damaged:
            self._short[submission.job.id] = submission.job.executor, fact.message
        if fact is not None and fact.state.is_final:
            self._slots_of(submission).release(submission.job.id)
            is_over = fact.state is State.SUCCEEDED or submission.attempt > submission.job.retries
            self._checkouts.give_back(submission, is_over=is_over)
        return fact

    def _slots_of(self, submission: Submission) -> Slots:
        name = submission.job.executor
        if name not in self._slots:
            executor = cast("LocalExecutor", submission.executor)
            self._slots[name] = Slots(
                executor,
                self._env,
                self._gpus,
                lambda job_id: Holder.of(submission, job_id),
            )
        return self._slots[name]

    def _runs_in_a_container(self, holder: Holder) -> bool | None:
        """Whether a job of another kind, which has GPUs of this machine and no process here, still runs."""
        try:
            return scheduler_of(holder.job, holder.kind, self._env).has_gpus(holder)
        except NemorunError:
            return None

    def _spawn(
        self, submission: Submission, devices: tuple[str, ...], inherited: tuple[int, ...]
    ) -> subprocess.Popen[bytes]:
        environment = local_environment(submission, self._env, inherited=self._env)
        environment["PATH"] = _path_of(submission, environment.get("PATH", os.defpath))
        attempt = submission.paths.attempt(submission.attempt)
        if devices:
            environment["CUDA_VISIBLE_DEVICES"] = ",".join(devices)
            # What runs inside the job shares out the job's own GPUs: it cannot wait for its own end.
            environment[VARIABLE] = self._gpus.inner_folder(str(attempt.root))
        elif self._env.get(VARIABLE):
            environment[VARIABLE] = self._env[VARIABLE]
        attempt.root.mkdir(mode=0o700, exist_ok=True)
        _make_profiles_folder(submission)
        log = os.open(attempt.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            return subprocess.Popen(  # noqa: S603 - argv is ours: interpreter, runtime, folder, number
                supervisor_argv(submission, self._env),
                cwd=submission.root,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=inherited,
            )
        finally:
            os.close(log)


def _without_evidence(submission: Submission, code: int) -> Fact:
    """Its supervisor has ended and left nothing: it did not begin, unless somebody has deleted what it left."""
    try:
        job = read_object(submission.paths.job, JobOrders)
    except DamagedFile as error:
        return Fact(state=State.FAILED, reason=Reason.DAMAGED, message=error.message)
    if job is None:
        why = f"{submission.paths.job} is not there any more"
        return Fact(state=State.FAILED, reason=Reason.START_FAILED, exit_code=code, message=why)
    if code == 0:
        folder = submission.paths.attempt(submission.attempt).root
        why = f"its supervisor has ended, and neither process.json nor exit.json is in {folder}"
        return Fact(state=State.FAILED, reason=Reason.LOST, message=why)
    return Fact(state=State.FAILED, reason=Reason.START_FAILED, exit_code=code)


def _make_profiles_folder(submission: Submission) -> None:
    launcher = launcher_of(submission.executor)
    if launcher is not None and launcher.nsys_profile:
        Path(profiles_folder(launcher, place_of(submission, {}))).mkdir(parents=True, exist_ok=True)


def _path_of(submission: Submission, path: str) -> str:
    """PATH on which `python` is the interpreter the tasks run under, also where no virtualenv is active."""
    own = os.path.dirname(python_of(submission))  # noqa: PTH120 - text in, text out
    return path if not own or own in path.split(os.pathsep) else f"{own}{os.pathsep}{path}"


def _why(error: OSError | ValueError, submission: Submission) -> str:
    if isinstance(error, OSError):
        return f"{error.filename or python_of(submission)}: {error.strerror}"
    return f"its environment cannot be handed over ({error})"


def started(submission: Submission, pid: int | None) -> Started:
    """The answer that an attempt runs on this machine, as this process; None where that is not known."""
    return Started(
        native_id="" if pid is None else str(pid),
        handle=handle_of("nemorun_local", submission),
        state=State.RUNNING,
        host=socket.gethostname(),
    )
