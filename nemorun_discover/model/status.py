"""What is known of an experiment at one moment: the fold of its record, its events and its evidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from nemorun_discover.model.state import Reason, State
from nemorun_discover.model.task import Json


@dataclass(frozen=True, kw_only=True, slots=True)
class CodeChange:
    """What an attempt ran that is not as it was when its job was planned; of jobs without a package.

    Attributes:
        when: `start`: so it was when the attempt began. `end`: so it had become when the attempt ended, and which
            of both it ran cannot be told. Compared with what was planned, and with the start, respectively.
        digest: Of the code then, made as that of a package; None where it could not be read.
        files: By path, relative to the project's root: `added`, `removed` or `changed`.
        sha256: By path, what the files that are there contained then.
        more: How many files are not named, since they are too many.
    """

    when: str
    digest: str | None = None
    files: dict[str, str] = field(default_factory=dict)
    sha256: dict[str, str] = field(default_factory=dict)
    more: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class AttemptStatus:
    """One try of a job.

    Attributes:
        exit_code: What the task's process returned; None while it runs or when a signal ended it.
        signal: The signal that ended it (`SIGKILL`); None otherwise.
        code: How the code it ran differs from what was planned; empty where it does not.
    """

    number: int
    state: State
    reason: str | None = None
    exit_code: int | None = None
    signal: str | None = None
    native_id: str | None = None
    host: str | None = None
    submitted_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    log: str | None = None
    code: tuple[CodeChange, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class JobStatus:
    """Where a job stands; the fields are those of `nemorun.status/1`, unknown is None.

    Attributes:
        message: What is known of an end beside its reason, a sentence: the file that is damaged, what is missing.
        waits_for: What a pending job waits for, a planned one that is to start on this machine, or a running one
            that is suspended, in words.
        expected_start_at: Of a pending job, when its cluster means to start it.
        log: Path of the latest attempt's log.
        outputs: Path of the job's output directory.
        result: What the task returned, as JSON; None when it returned None, or has not yet.
        attempts: Every try, oldest first.
    """

    id: str
    slug: str
    task: str
    params: dict[str, Json]
    executor: str
    state: State
    reason: str | None = None
    message: str | None = None
    raw_state: str | None = None
    exit_code: int | None = None
    signal: str | None = None
    attempt: int = 0
    native_id: str | None = None
    handle: str | None = None
    submitted_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    as_of: datetime | None = None
    waits_for: str | None = None
    expected_start_at: datetime | None = None
    log: str | None = None
    outputs: str | None = None
    result: Json = None
    attempts: tuple[AttemptStatus, ...] = ()

    @property
    def is_refused(self) -> bool:
        """True when its executor took no attempt of it: it stays planned, and a rerun takes it up again."""
        return self.state is State.PLANNED and self.reason == Reason.REFUSED

    @property
    def last_failure(self) -> AttemptStatus | None:
        """The last attempt that has failed by itself; None where none has."""
        failed = [
            one
            for one in self.attempts
            if one.state is State.FAILED and one.reason not in (Reason.REQUEUED, Reason.REFUSED)
        ]
        return failed[-1] if failed else None

    @property
    def is_lost(self) -> bool:
        """True when its last attempt was found nowhere, or what it left is damaged and nothing else tells its end.

        Evidence that comes later overrules that.
        """
        if self.state is not State.FAILED:
            return False
        has_end = self.exit_code is not None or self.signal is not None
        return self.reason == Reason.LOST or (self.reason == Reason.DAMAGED and not has_end)

    @property
    def is_settled(self) -> bool:
        """True when it will not change any more by itself."""
        return self.state.is_final or self.is_refused

    @property
    def is_well(self) -> bool:
        """True when it succeeded, or was skipped because the failure that it waits for did not come.

        One whose result has been damaged since is not.
        """
        if self.state is State.SUCCEEDED:
            return self.reason != Reason.DAMAGED
        return self.state is State.SKIPPED and self.reason == Reason.UPSTREAM_SUCCEEDED


@dataclass(frozen=True, kw_only=True, slots=True)
class Contact:
    """How an executor's backend is heard; facts that are not new do not go into the journal.

    Attributes:
        as_of: When it answered last; None when it never did.
        trouble: What keeps it from answering, a sentence; None when it answers.
        waiting: By job id, what a pending job waits for, in words.
        expected: By job id, when the backend means to start it.
        progress: What is being done that takes time, in words (`sending 3.1 of 10.4 MB, 2.2 MB/s`).
    """

    as_of: datetime | None = None
    trouble: str | None = None
    waiting: Mapping[str, str] = field(default_factory=dict)
    expected: Mapping[str, datetime] = field(default_factory=dict)
    progress: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ExperimentStatus:
    """Where an experiment stands.

    Attributes:
        state: The worst of its jobs' when all are final; RUNNING as soon as one has started.
        ended_at: When the last job ended; None before.
        notes: What happened that belongs to no single job, in order.
        contacts: By executor, how its backend is heard; empty for what is always at hand.
        trouble: What this machine has too little of, so that nothing goes on until it has more; None for nothing.
    """

    id: str
    title: str
    state: State
    created_at: datetime
    as_of: datetime
    ended_at: datetime | None = None
    jobs: tuple[JobStatus, ...] = ()
    notes: tuple[str, ...] = field(default=())
    contacts: Mapping[str, Contact] = field(default_factory=dict)
    trouble: str | None = None
