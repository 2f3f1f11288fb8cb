"""What the lifecycle asks of every kind of executor."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from nemorun_discover.executors.base import Executor
    from nemorun_discover.model.check import Check
    from nemorun_discover.model.job import Condition, Job
    from nemorun_discover.model.layout import JobLayout
    from nemorun_discover.model.record import GroupPolicy, Project
    from nemorun_discover.model.state import State
    from nemorun_discover.model.status import Contact
    from nemorun_discover.schedulers.fetching import Fetch, Fetched, Sending, Transfer
    from nemorun_discover.schedulers.local.slots import Holder
    from nemorun_discover.transport.tunnel import Ask


@dataclass(frozen=True, kw_only=True, slots=True)
class Submission:
    """One attempt of a job, ready to be submitted.

    Attributes:
        paths: The job's folder; `paths.attempt(attempt)` is the key under which this attempt is started
            at most once, however often it is submitted.
        runtime: The zip that runs the job.
        root: The project's root. Absolute on this machine: the project itself, or its place in `checkout`; and on
            a cluster, in `linked`. Otherwise, for a job that sees other paths than this machine's
            (`Executor.CODE`), relative to the job's folder.
        package: Digest of the code to run; None where nothing is packaged.
        checkout: Where that package is to be laid out as a folder on this machine: one for each job.
        linked: The directory of the cluster that holds the code instead of a package; empty for none.
        sys_path: What stands first on the job's `sys.path`, relative to `root`; None for that and the project's
            `pythonpath`.
        relocated: By directory of this machine that the package was taken from, where it lies in the job's
            code, as `root` is given. What an editable installation finds in the one is found in the other.
        environment: Variables over the ones the scheduler itself sets; secrets are in it.
        waits_for: By id, the jobs of the same queue (see `Scheduler.queue_of`) that have to end first, and how.
        policy: Of the job's group: when its other members are stopped.
        upstream: The folders of the jobs it waited for, relative to the folder that holds this job's.
        members: The jobs of its group, itself among them, in the record's order; empty for a job of none.
        was_lost: The attempt was taken for lost, and is looked for once more (`Scheduler.has_late_evidence`).
        missing: Secrets whose values this process does not know: an attempt that runs can be found, asked
            and ended without them, but none can be started.
    """

    experiment_id: str
    job: Job
    attempt: int
    paths: JobLayout
    executor: Executor
    project: Project
    runtime: Path
    root: Path
    package: str | None = None
    checkout: Path | None = None
    linked: str = ""
    sys_path: tuple[str, ...] | None = None
    relocated: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    waits_for: Mapping[str, Condition] = field(default_factory=dict)
    policy: GroupPolicy | None = None
    upstream: tuple[str, ...] = ()
    members: tuple[Job, ...] = ()
    missing: tuple[str, ...] = ()
    was_lost: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Started:
    """The backend has taken an attempt.

    Attributes:
        native_id: The backend's own id.
        handle: A TorchX handle, `scheduler://session/app`.
    """

    native_id: str
    handle: str
    state: State
    host: str | None = None
    started_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Fact:
    """What the backend says of an attempt now; unknown is None.

    Attributes:
        state: PLANNED means that nothing was submitted, nor will be: the job rests, and `message` says why.
        native_id: The backend's own id, from an adapter whose `submit` did not tell it.
        handle: A TorchX handle, likewise.
        message: A sentence for the user.
        attempt: Which attempt this is about, where the backend has begun a later one by itself (a requeued
            batch job); None for the one that was asked about.
        before: How the attempt that was asked about has ended then.
    """

    state: State
    reason: str | None = None
    raw_state: str | None = None
    exit_code: int | None = None
    signal: str | None = None
    host: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    native_id: str | None = None
    handle: str | None = None
    message: str | None = None
    attempt: int | None = None
    before: Fact | None = None


class Scheduler(Protocol):
    """Drives one kind of executor. A job is named by its id in every answer.

    Attributes:
        ask: Puts what a login asks to the user; None where nobody is there.
        wake: Has the driver look at once; for a thread of the adapter's that has learnt something.
        has_late_evidence: An attempt that was taken for lost may leave evidence later: `adopt` finds it again, and
            `query` tells what has become known since.
        pace_s: How long the driver may rest between two looks at its jobs: where threads wait for a network,
            nothing is gained by asking them all the time.
    """

    has_late_evidence: bool = False
    ask: Ask | None = None
    wake: Callable[[], None] = staticmethod(lambda: None)
    pace_s: float = 0.1

    @property
    def needs_login(self) -> bool:
        """True when it can do nothing until somebody answers a login."""
        return False

    def check(self, name: str, executor: Executor) -> None:
        """Raise ExecutorRefused, in one sentence, when this executor cannot run jobs here."""
        ...

    def load_for(self, executor: Executor) -> None:  # noqa: ARG002 - most have nothing more to load
        """Import what submitting to it takes, ahead of time. Nothing is asked, sent or written."""
        return

    def request(self, submission: Submission) -> Mapping[str, object]:
        """The exact request as JSON, without sending it and without secrets."""
        ...

    def requests(self, submissions: Sequence[Submission]) -> Mapping[str, Mapping[str, object]]:
        """The same for jobs that are launched together, by job: some may go in one request."""
        return {one.job.id: self.request(one) for one in submissions}

    def can_start(self, submissions: Sequence[Submission]) -> bool:
        """False when these, the members of a group or one job alone, must wait for room on this machine.

        Raises:
            ExecutorRefused: They could not start together however long they waited.
        """
        ...

    def submit(self, submission: Submission) -> Started | None:
        """Start an attempt, unless it was started before.

        Returns:
            None when the attempt was taken, and what becomes of it is told by `query`: an adapter that has to
            wait for a network does so in a thread of its own, and all that is submitted before the next
            `query` may go in one piece.

        Raises:
            ExecutorRefused: It could not be started.
        """
        ...

    def adopt(self, submission: Submission) -> Started | None:
        """Find an attempt that an earlier process submitted; None when it never arrived."""
        ...

    def query(self, submissions: Sequence[Submission]) -> Mapping[str, Fact]:
        """Where these attempts stand; one that cannot be told is left out."""
        ...

    def cancel(self, submissions: Sequence[Submission]) -> None:
        """Ask these attempts to end; `query` tells when they have."""
        ...

    def close(self) -> None:
        """Let go of connections and threads: the driver ends. What runs goes on."""
        return

    def queue_of(self, submission: Submission) -> str | None:  # noqa: ARG002 - whoever has none needs no names
        """The queue that takes this attempt, and holds it back until others in it have ended.

        None where nothing waits: then the driver holds a job back until its time has come. What has a queue is not
        asked to leave room: `can_start` is asked of all that are ready before the first of them is submitted.
        """
        return None

    def contacts(self) -> Mapping[str, Contact]:
        """By executor, how its backend is heard; empty for what is always at hand."""
        return {}

    def has_gpus(self, holder: Holder) -> bool | None:  # noqa: ARG002 - only containers outlive every process here
        """Whether a job still runs to which GPUs of this machine were given, where no process of ours holds their lock.

        None where that cannot be told.
        """
        return False

    def freshen(self, submissions: Sequence[Submission]) -> datetime | None:  # noqa: ARG002 - as above
        """Ask whoever drives these to look at them now; returns the time that a fresh fact is newer than.

        None for what is always fresh. Called in another process than the one that drives them.
        """
        return None

    def fetch_logs(self, submissions: Sequence[Submission]) -> None:  # noqa: ARG002 - as above
        """Bring what these attempts have printed on this machine up to date: only what is new travels.

        Called in another process than the one that drives them, which may ask its user for a password.

        Raises:
            ExecutorRefused: It cannot be reached.
        """
        return

    def fetch_outputs(
        self,
        fetches: Sequence[Fetch],  # noqa: ARG002 - as above
        tell: Callable[[Transfer], None],  # noqa: ARG002
    ) -> Mapping[str, Fetched]:
        """Bring what jobs left in their outputs; by job, what has come. What is here and equal is not sent again.

        A result that was too large to be told comes with them. What cannot be brought is said in the answer, not
        raised. Called where `fetch_logs` is; kinds whose outputs lie here anyway are not asked.
        """
        return {}

    def outputs_at(self, submission: Submission) -> str | None:  # noqa: ARG002 - as above
        """Where jobs of this executor leave their outputs, and look for those of others: the same text, the same place.

        None for this home. What is elsewhere is brought here by `fetch_outputs`, and there by `send_outputs`.
        """
        return None

    def refuses_outputs(self, submission: Submission) -> str | None:  # noqa: ARG002 - as above
        """Why no other job can have this one's outputs, nor this one those of others, a sentence; None when they can.

        Asked when it is planned, and once more when it has ended.
        """
        return None

    def mark_outputs(
        self,
        submissions: Sequence[Submission],  # noqa: ARG002 - as above
        mark: str,  # noqa: ARG002
        *,
        away: bool = False,  # noqa: ARG002
    ) -> Mapping[str, str]:
        """Put a file of this name into the jobs' folders; by job, the folder's absolute path over there.

        With `away`, the file is taken away again.

        Another place that sees the file there sees the same file system. Only places that are not this home are asked.

        Raises:
            ExecutorRefused: It cannot be reached.
        """
        return {}

    def send_outputs(
        self,
        sendings: Sequence[Sending],  # noqa: ARG002 - as above
        mark: str,  # noqa: ARG002
        tell: Callable[[Transfer], None],  # noqa: ARG002
    ) -> Collection[Path]:
        """Put results and outputs where the jobs of another place look for them, and return once all of it is there.

        What is there and equal is not sent again; what broke off goes on where it was. Only places that are not this
        home are asked.

        Args:
            sendings: What.
            mark: The name of the file that `mark_outputs`, or the caller, has put into the jobs' folders.
            tell: Gets how far it has come.

        Returns:
            The `source` of what could not be seen over there, and is not here either.

        Raises:
            ExecutorRefused: It cannot be done, or not now.
        """
        return ()

    def checks(self, name: str, executor: Executor, *, may_run: bool) -> Iterator[Check]:
        """Look whether this executor could run jobs now, for `nemorun doctor -e NAME`.

        Args:
            name: What the executor is called.
            executor: Its settings, which need not be right.
            may_run: A very small job may be run, for what can be told in no other way.
        """
        from nemorun_discover.schedulers.checking import check_settings  # noqa: PLC0415 - doctor only

        del may_run
        yield check_settings(self, name, executor)

    def checks_of_machine(self) -> Iterator[Check]:
        """Look whether this machine has what all executors of the kind need, for `nemorun doctor`: an engine, a service."""
        yield from ()
