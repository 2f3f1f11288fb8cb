"""The jobs of one experiment on one cluster: where each stands, after every look."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from nemorun_discover.documents import read_object
from nemorun_discover.errors import DamagedFile, UnreadableFile
from nemorun_discover.model.state import Reason, State
from nemorun_discover.schedulers.protocol import Fact
from nemorun_discover.schedulers.slurm.evidence import (
    KINDS,
    SHAPES,
    attempt_of,
    damaged_place,
    evidence_name,
    put_aside,
)
from nemorun_discover.schedulers.slurm.rows import by_root, parse_sacct, parse_squeue
from nemorun_discover.schedulers.slurm.verdict import Evidence, fact_of
from nemorun_discover.schedulers.slurm.words import (
    SUSPENDED,
    is_suspended,
    meaning_of,
    starts_by_itself,
    waits_for,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path
    from typing import Any

    from nemorun_discover.schedulers.protocol import Submission
    from nemorun_discover.schedulers.slurm.looking import Answer
    from nemorun_discover.schedulers.slurm.rows import QueueRow

_CLOCK_TOLERANCE_S = 1.0
_NOWHERE = "neither squeue nor sacct knows it any more, and it has left nothing that tells its end"
_EMPTY_HANDED = "Slurm calls it {}, and it has left nothing that tells that it has begun"


@dataclass(kw_only=True, slots=True)
class Tracked:
    """A job, and what is known of it.

    Attributes:
        attempt: Which one is on the cluster now; a requeued job is at a later one than was submitted.
        native_id: None until sbatch has said it.
        key: The submit key in the comment of its batch job.
        is_settled_by_evidence: What its batch job wrote when it began says that this native id is its own.
        is_moved: Its native id has changed, and has to be written down.
        misses: Looks in a row that found nothing final where something should be.
        was_cancelled: scancel took its id.
        is_unwanted: It was cancelled before its id was known: it is looked for on the cluster, and not submitted.
        found: What the last look said.
        fact: The same, once the driver may know it.
        told: What the driver was told last.
    """

    submission: Submission
    attempt: int
    native_id: str | None = None
    key: str = ""
    handle: str | None = None
    is_settled_by_evidence: bool = False
    is_moved: bool = False
    misses: int = 0
    was_cancelled: bool = False
    is_unwanted: bool = False
    found: Fact | None = None
    fact: Fact | None = None
    told: Fact | None = None
    waiting: str | None = None
    expected_at: datetime | None = None

    @property
    def whole_id(self) -> str:
        """The id that scancel takes: a component of a heterogeneous job is ended with the whole."""
        return (self.native_id or "").partition("+")[0]

    def arrived(self) -> Fact:
        """The fact that the cluster has taken it."""
        return Fact(
            state=State.PENDING,
            raw_state="PENDING",
            native_id=self.native_id,
            handle=self.handle,
        )

    @property
    def is_over(self) -> bool:
        """Nothing more is to be learnt of it."""
        fact = self.fact
        return fact is not None and (fact.state.is_final or fact.state is State.PLANNED)

    @property
    def is_lost(self) -> bool:
        """It was found nowhere, or what it left is damaged; evidence that comes later says more."""
        fact = self.fact
        return (
            fact is not None
            and fact.state is State.FAILED
            and fact.reason in (Reason.LOST, Reason.DAMAGED)
        )

    @property
    def is_watched(self) -> bool:
        """Something may still be learnt of it."""
        return not self.is_over or self.is_lost

    def tell(self) -> Fact | None:
        """The fact, when the driver does not know it yet; an end is told until nobody asks any more."""
        fact = self.fact
        if fact is None or (fact == self.told and not self.is_over):
            return None
        self.told = fact
        return fact

    @property
    def is_back(self) -> bool:
        """Slurm has put it back into its queue."""
        return bool(self.found and self.found.before)

    @property
    def has_just_failed(self) -> bool:
        """It has failed, and nobody knows yet."""
        return self.found is not self.fact and bool(self.found and self.found.state is State.FAILED)


@dataclass(kw_only=True, slots=True)
class Tracker:
    """The jobs by id.

    Attributes:
        folder: The experiment's `slurm` folder on this machine, where evidence is put.
    """

    folder: Path
    jobs: dict[str, Tracked] = field(default_factory=dict)

    def ids_in_question(self) -> tuple[str, ...]:
        """Native ids of the jobs of which more is to be learnt."""
        alive = (job.native_id for job in self.jobs.values() if job.is_watched)
        return tuple(dict.fromkeys(one for one in alive if one))

    def take(self, answer: Answer, as_of: float) -> None:
        """Learn from a look; `as_of` is when the cluster was asked."""
        queue = None if answer.queue is None else _queue_of(answer.queue)
        accounts = parse_sacct(answer.accounts)
        there = {kind: frozenset(_names(self.folder / kind)) for kind in KINDS}
        attempts = _latest(there["begun"])
        for job in self.jobs.values():
            if not job.is_watched or job.native_id is None:
                continue
            job.was_cancelled = job.was_cancelled or job.whole_id in answer.cancelled
            try:
                begun, ending, ended = (self._read(kind, job, there) for kind in KINDS)
            except UnreadableFile:
                continue  # nobody can tell now what it says: the job stays as it is
            self._follow_begun(job, begun)
            row = None if queue is None else queue.get(job.native_id)
            if row is not None and not row.is_of(job.key, begun_at(begun)):
                row = None  # the cluster counts its ids anew: this one is another job's
            job.is_settled_by_evidence = row is not None and begun is not None
            evidence = Evidence(
                begun=begun,
                ended=ended,
                ending=ending,
                queue=row,
                account=accounts.get(job.native_id),
                misses=job.misses,
                was_cancelled=job.was_cancelled,
                shares=len(job.submission.members) > 1,
                has_accounting=answer.has_accounting,
                waits_for=job.submission.waits_for,
            )
            newest = attempts.get(job.submission.job.slug, 0)
            if not self._follow_requeue(job, evidence, newest, as_of):
                _conclude(job, evidence, has_answer=queue is not None)
                if job.found is not None and job.found.reason == Reason.LOST:
                    job.found = self._why_lost(job, job.found)

    def _follow_begun(self, job: Tracked, begun: Any) -> None:  # noqa: ANN401 - JSON
        """The attempt is the batch job's that began it, also where sbatch has told us the id of another one.

        An sbatch whose answer was lost may have been carried out after the cluster was asked again: of the two batch
        jobs one has the attempt, and the other one ends at once.
        """
        told = begun.get("native_id") if isinstance(begun, dict) else None
        if not isinstance(told, str) or not told or job.native_id is None:
            return
        root, _, component = job.native_id.partition("+")
        if told != root:
            job.native_id = f"{told}+{component}" if component else told
            job.is_moved = True

    def newly_failed(self) -> list[Tracked]:
        """Jobs whose failure was found by the last look."""
        return [job for job in self.jobs.values() if job.has_just_failed]

    def newly_moved(self) -> list[Tracked]:
        """Jobs of which the last look found that Slurm begins them again, or that another batch job has them."""
        again = [job for job in self.jobs.values() if job.found is not job.fact and job.is_back]
        moved = [job for job in self.jobs.values() if job.is_moved]
        for job in moved:
            job.is_moved = False
        return [*again, *(job for job in moved if job not in again)]

    def publish(self) -> None:
        """Let the driver know what the last look found."""
        for job in self.jobs.values():
            if job.found is not None:
                job.fact = job.found

    def _follow_requeue(self, job: Tracked, evidence: Evidence, newest: int, as_of: float) -> bool:
        """True when Slurm runs the job again by itself: what it does now is the next attempt."""
        row = evidence.queue
        is_pending = row is not None and meaning_of(row.state)[0] is State.PENDING
        has_begun = is_pending and evidence.begun is not None
        # What began after the queue was asked was still pending then.
        is_back = has_begun and self._begun_at(job) < as_of - _CLOCK_TOLERANCE_S
        if newest <= job.attempt and not is_back:
            return False
        before = fact_of(replace(evidence, queue=None)) if evidence.ended else None
        job.attempt += 1
        job.misses = 0
        job.found = Fact(
            state=State.PENDING,
            raw_state=row.state if row else None,
            native_id=job.native_id,
            handle=job.handle,
            attempt=job.attempt,
            before=before or Fact(state=State.FAILED, reason=Reason.REQUEUED),
        )
        return True

    def _begun_at(self, job: Tracked) -> float:
        """When it was known here that the attempt has begun."""
        name = evidence_name(job.submission.job.slug, job.attempt)
        return (self.folder / "begun" / name).stat().st_mtime

    def _read(self, kind: str, job: Tracked, there: Mapping[str, Collection[str]]) -> Any:  # noqa: ANN401 - JSON
        """The evidence; None where there is none: of most jobs there is not, and a name costs less than a file."""
        name = evidence_name(job.submission.job.slug, job.attempt)
        if name not in there[kind]:
            return None
        path = self.folder / kind / name
        try:
            return read_object(path, SHAPES[kind])
        except DamagedFile:
            with suppress(OSError):
                put_aside(path)
            return None

    def _why_lost(self, job: Tracked, fact: Fact) -> Fact:
        """The fact with a sentence: damage that was put aside, and for which nothing whole has come, or nothing at all."""
        name = evidence_name(job.submission.job.slug, job.attempt)
        places = [damaged_place(self.folder / kind / name) for kind in reversed(KINDS)]
        found = next((one for one in places if os.path.lexists(one)), None)
        if found is not None:
            sentence = f"{found} is damaged, and the cluster has no whole one"
            return replace(fact, reason=Reason.DAMAGED, message=sentence)
        raw = fact.raw_state
        return replace(fact, message=_EMPTY_HANDED.format(raw) if raw else _NOWHERE)


def begun_at(begun: Any) -> datetime | None:  # noqa: ANN401 - JSON
    """When the evidence says that its attempt began; None where there is none."""
    told = begun.get("started_at") if isinstance(begun, dict) else None
    try:
        return datetime.fromisoformat(told) if isinstance(told, str) else None
    except ValueError:
        return None


def _latest(begun: Collection[str]) -> dict[str, int]:
    """By slug, the latest attempt that has begun."""
    latest: dict[str, int] = {}
    for name in begun:
        found = attempt_of(name)
        if found:
            latest[found[0]] = max(latest.get(found[0], 0), found[1])
    return latest


def known_evidence(folder: Path) -> list[str]:
    """The names of the evidence that an experiment's `slurm` folder on this machine has."""
    return [f"{kind}/{name}" for kind in KINDS for name in _names(folder / kind)]


def _names(folder: Path) -> list[str]:
    try:
        return [one for one in os.listdir(folder) if not one.startswith(".")]  # noqa: PTH208 - names
    except OSError:
        return []


def _queue_of(text: str) -> dict[str, QueueRow]:
    """Rows by id; a heterogeneous job is also found by the id of the whole, as sbatch printed it."""
    rows = {row.native_id: row for row in parse_squeue(text)}
    for root, parts in by_root(rows).items():
        rows.setdefault(root, rows[parts[0]])
    return rows


def _conclude(job: Tracked, evidence: Evidence, *, has_answer: bool) -> None:
    fact = fact_of(evidence)
    row = evidence.queue
    is_alive = row is not None and not meaning_of(row.state)[0].is_final
    if is_alive or fact is not None:
        job.misses = 0 if is_alive else job.misses
    elif has_answer:
        job.misses += 1
    job.waiting = job.expected_at = None
    if row is not None and meaning_of(row.state)[0] is State.PENDING:
        job.waiting = waits_for(row.reason)
        job.expected_at = row.starts_at if starts_by_itself(row.reason) else None
    elif row is not None and is_suspended(row.state):
        job.waiting = SUSPENDED
    if fact is not None:
        attempt = None if job.attempt == job.submission.attempt else job.attempt
        job.found = replace(fact, native_id=job.native_id, handle=job.handle, attempt=attempt)
