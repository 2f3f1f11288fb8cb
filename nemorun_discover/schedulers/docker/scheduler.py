"""Jobs in containers of this machine's engine: each is started, found, watched and ended by its name."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, cast

from nemorun_discover.errors import ExecutorRefused, NemorunError, UnreadableFile
from nemorun_discover.model.check import Check, Verdict
from nemorun_discover.model.state import State
from nemorun_discover.model.status import Contact
from nemorun_discover.schedulers.docker.engine import (
    Door,
    EngineGone,
    connect_to_look,
    describe_engine,
    load_sdk,
    said,
)
from nemorun_discover.schedulers.docker.evidence import (
    known_container,
    note_cancel,
    note_container,
)
from nemorun_discover.schedulers.docker.names import (
    BACKEND,
    EXPERIMENT,
    HOME,
    JOB,
    container_name,
    key_of,
)
from nemorun_discover.schedulers.docker.request import create_arguments
from nemorun_discover.schedulers.docker.room import room_of
from nemorun_discover.schedulers.docker.starting import Starting, this_host
from nemorun_discover.schedulers.docker.support import require_engine
from nemorun_discover.schedulers.docker.tracked import Tracked
from nemorun_discover.schedulers.docker.watching import Watch, grace_of
from nemorun_discover.schedulers.environment import require_secrets
from nemorun_discover.schedulers.handles import handle_of
from nemorun_discover.schedulers.local.slots import MachineGpus, contacts_of, have_room
from nemorun_discover.schedulers.protocol import Fact, Scheduler, Started, Submission
from nemorun_discover.shortage import CAUGHT, describe, is_passing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from nemorun_discover.executors.base import Executor
    from nemorun_discover.executors.docker import DockerExecutor
    from nemorun_discover.schedulers.local.slots import Holder, Slots

_THREADS = 8
_PACE_S, _LONGEST_PACE_S = 0.01, 0.1
_AGAIN_S = 1.0
_LAST_WORD_S = 10.0
_YOUNG_S = 60.0
_ALIVE = ("running", "paused", "restarting")


class DockerScheduler(Scheduler):
    """Starts, finds, watches and ends containers.

    Args:
        env: The caller's environment; it says where the engine is.
    """

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env
        self._tracked: dict[str, Tracked] = {}
        self._is_thread_missing = False
        self._told: set[str] = set()
        self._untold: dict[str, str] = {}
        self._slots: dict[str, Slots] = {}
        self._gpus = MachineGpus(env, still_runs=self.has_gpus)
        self._is_over = threading.Event()
        self._host = this_host()

    def check(self, name: str, executor: Executor) -> None:
        """Refuse what the engine, or this machine, cannot do."""
        require_engine(name, cast("DockerExecutor", executor), self._env)

    def load_for(self, executor: Executor) -> None:  # noqa: ARG002 - it is the same for all
        """Import Docker's SDK."""
        load_sdk(self._env)

    def request(self, submission: Submission) -> Mapping[str, object]:
        """The arguments of docker-py's `containers.create`."""
        return create_arguments(submission, env=self._env)

    def can_start(self, submissions: Sequence[Submission]) -> bool:
        """True when the executor has as many free places as these are, and free GPUs for all of them."""
        return have_room(submissions, self._slots_of, gpus_field="num_gpus")

    def submit(self, submission: Submission) -> Started | None:
        """Start the attempt's container, in a thread."""
        require_secrets(submission)
        one = Tracked(submission=submission, is_starting=True, is_waiting=True)
        self._tracked[key_of(submission)] = one
        self._begin(one)
        return None

    def adopt(self, submission: Submission) -> Started | None:
        """Find the attempt by what was written down of its container, or by the container's name."""
        attempt = submission.paths.attempt(submission.attempt)
        if not known_container(attempt) and not self._is_there(submission):
            return None
        self._tracked.setdefault(key_of(submission), Tracked(submission=submission))
        devices = known_container(attempt).get("gpus") or ()
        self._slots_of(submission).keep(submission.job.id, devices)
        self._watch.begin()
        return Started(
            native_id=container_name(submission),
            handle=handle_of(BACKEND, submission),
            state=State.RUNNING,
            host=self._host,
        )

    def query(self, submissions: Sequence[Submission]) -> Mapping[str, Fact]:
        """What the containers left, and what the engine said last."""
        self._clear_away(but={key_of(one) for one in submissions})
        # What ends makes room for the next: few are looked at often, for each costs some files to read.
        self.pace_s = min(_LONGEST_PACE_S, _PACE_S * (1 + len(submissions)))
        if self._is_thread_missing:
            self._is_thread_missing = False
            self._in_a_thread(int)
        facts = {}
        self._untold.clear()
        for submission in submissions:
            one = self._tracked.get(key_of(submission))
            if one is not None and one.is_waiting:
                self._begin(one)
            try:
                fact = one.fact(self._host) if one else None
            except UnreadableFile as error:
                self._untold[submission.job.executor] = error.message
                continue
            if fact is None:
                continue
            facts[submission.job.id] = fact
            if fact.state.is_final or fact.state is State.PLANNED:
                self._told.add(key_of(submission))
                self._slots_of(submission).release(submission.job.id)
        return facts

    def cancel(self, submissions: Sequence[Submission]) -> None:
        """Have the engine end these containers: TERM, and KILL after the executor's grace."""
        for submission in submissions:
            one = self._tracked.get(key_of(submission))
            if one is None or one.is_stopping or not (one.is_watched or one.is_starting):
                continue
            if one.is_waiting:
                one.is_stopping = True
                one.is_waiting, one.is_dropped = False, True
                self._slots_of(submission).release(submission.job.id)
                continue
            note_cancel(one.attempt)  # on a full disk it is asked again
            one.is_stopping = True
            if not one.is_starting:
                self._in_a_thread(self._stop, one)

    def close(self) -> None:
        """Remove the containers whose end is in the record, and let go of the engine."""
        self._clear_away(but=set())
        for slots in self._slots.values():
            slots.let_go()
        self._is_over.set()
        if "_threads" in self.__dict__:
            self._threads.shutdown(wait=True)
            self._starting.remove_networks()
        if "_watch" in self.__dict__:
            self._watch.end()
        if "_door" in self.__dict__:
            self._door.close()

    def contacts(self) -> Mapping[str, Contact]:
        """How far pulls are, what keeps the engine from answering, and who waits for GPUs."""
        waiting = contacts_of(self._slots)
        for name, words in self._untold.items():
            waiting[name] = replace(waiting.get(name, Contact()), trouble=words)
        if "_starting" not in self.__dict__:
            return waiting
        pulling = dict(self._starting.known.pulling)
        trouble = self._watch.trouble
        names = {one.submission.job.executor for one in self._alive()} if trouble else set()
        return waiting | {
            name: Contact(
                as_of=self._watch.as_of,
                trouble=trouble or self._untold.get(name),
                progress=pulling.get(name),
                waiting=waiting[name].waiting if name in waiting else {},
            )
            for name in names | set(pulling)
        }

    def has_gpus(self, holder: Holder) -> bool | None:
        """Whether the holder's container runs; one that was made a moment ago may be about to."""
        env = {**self._env, **({"DOCKER_HOST": holder.engine} if holder.engine else {})}
        labels = [
            f"{HOME}={holder.home}",
            f"{EXPERIMENT}={holder.experiment}",
            f"{JOB}={holder.job}",
        ]
        try:
            with closing(connect_to_look("Docker", env)) as client, said("Docker", env):
                found = client.api.containers(all=True, filters={"label": labels})
        except ExecutorRefused:
            return None
        young = time.time() - _YOUNG_S
        return any(
            one["State"] in _ALIVE or (one["State"] == "created" and one["Created"] > young)
            for one in found
        )

    def checks_of_machine(self) -> Iterator[Check]:
        """Whether an engine answers, and which."""
        try:
            yield Check(name="docker", verdict=Verdict.OK, message=describe_engine(self._env))
        except NemorunError as error:
            yield Check(
                name="docker", verdict=Verdict.WARN, message=error.message, remedy=error.hint
            )

    def _begin(self, one: Tracked) -> None:
        """Start it in a thread, or have it wait until other experiments have given its GPUs back."""
        devices = self._slots_of(one.submission).take(one.submission.job.id)
        if devices is not None:
            one.is_waiting = False
            self._in_a_thread(self._start, one, devices)

    def _in_a_thread(self, work: Callable[..., object], *args: object) -> None:
        """Have a thread do it; where none can be started now, it is in the queue of the next that can."""
        try:
            self._threads.submit(work, *args)
        except RuntimeError as error:
            if not is_passing(error):
                raise
            self._is_thread_missing = True
            self._watch.trouble = describe(error, Path.cwd())

    def _start(self, one: Tracked, devices: Sequence[str]) -> None:
        """Until it is started, refused or cancelled; an engine that is away may come back."""
        is_started = False
        while not is_started and not one.is_stopping and one.refusal is None:
            try:
                self._starting.start(one.submission, devices)
                is_started = True
            except EngineGone as error:
                self._watch.trouble = error.message
                if self._is_over.wait(_AGAIN_S):
                    return
            except (NemorunError, *CAUGHT) as error:
                if is_passing(error):
                    self._watch.trouble = describe(error, one.attempt.root)
                    if self._is_over.wait(_AGAIN_S):
                        return
                    continue
                if not isinstance(error, NemorunError):
                    one.refusal = str(error)
                    continue
                one.refusal = f"{error.message}; {error.hint}" if error.hint else error.message
        one.is_dropped = one.is_stopping and not is_started
        if is_started:
            # Until the engine is asked: what was just started runs.
            one.state = {"Status": "running", "StartedAt": datetime.now(UTC).isoformat()}
        one.is_starting = False
        self.wake()
        if is_started:
            self._watch.begin()
            if one.is_stopping:
                self._stop(one)

    def _stop(self, one: Tracked) -> None:
        from docker import errors  # noqa: PLC0415 - the SDK is loaded when it is needed

        try:
            with said(one.submission.job.executor, self._env):
                try:
                    self._door.client().api.stop(one.name, timeout=grace_of(one))
                except errors.APIError:
                    return  # it has ended
        except ExecutorRefused:
            one.is_stopping = False  # to be asked again

    def _end_in_time(self, one: Tracked) -> None:
        one.is_stopping = True
        self._in_a_thread(self._stop, one)

    def _clear_away(self, but: set[str]) -> None:
        """Remove the containers of attempts whose end was told: by now it is in the record."""
        for key in self._told - but:
            self._told.discard(key)
            one = self._tracked.pop(key)
            if one.final is not None and not one.is_gone and not one.is_dropped:
                self._in_a_thread(self._remove, one)

    def _remove(self, one: Tracked) -> None:
        from docker import errors  # noqa: PLC0415 - as above

        api = self._door.client().api
        try:
            with said(one.submission.job.executor, self._env):
                try:
                    # The worker has written its evidence and is about to go; what the engine says comes then.
                    api.wait(one.name, timeout=_LAST_WORD_S)
                    note_container(one.attempt, state=api.inspect_container(one.name)["State"])
                    api.remove_container(one.name, v=True, force=True)
                except errors.NotFound:
                    return
        except (ExecutorRefused, OSError):
            return  # `nemorun prune` removes it

    def _is_there(self, submission: Submission) -> bool:
        """True also when the engine cannot be asked: then it may be there."""
        try:
            return self._starting.find(submission) is not None
        except EngineGone:
            return False

    def _alive(self) -> list[Tracked]:
        return list(self._tracked.values())

    def _slots_of(self, submission: Submission) -> Slots:
        name = submission.job.executor
        if name not in self._slots:
            self._slots[name] = room_of(submission, self._env, self._gpus)
        return self._slots[name]

    @cached_property
    def _door(self) -> Door:
        return Door(self._env)

    @cached_property
    def _starting(self) -> Starting:
        return Starting(self._door)

    @cached_property
    def _watch(self) -> Watch:
        return Watch(self._door, self._alive, self._end_in_time)

    @cached_property
    def _threads(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(_THREADS, thread_name_prefix="docker")
