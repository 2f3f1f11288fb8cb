"""The driver carries an experiment on, one step after the other.

What it is about to do is in the journal first, and what it learns is in the journal before it acts on
it; so it may die at any line, and the next driver goes on from there.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING

from nemorun_discover.documents import read_value
from nemorun_discover.errors import DamagedFile, NemorunError, UnreadableFile
from nemorun_discover.lifecycle import entries
from nemorun_discover.lifecycle.contact import keep_contacts
from nemorun_discover.lifecycle.decide import ACTIVE, decide, has_attempts_left, still_waits_for
from nemorun_discover.lifecycle.groups import members_to_stop
from nemorun_discover.lifecycle.observe import late_ends
from nemorun_discover.model.event import CAUGHT_UP, Event, EventType, utc_now
from nemorun_discover.model.state import Reason, State
from nemorun_discover.packaging.runtime import require_runtime
from nemorun_discover.shortage import CAUGHT, describe, is_passing, pauses

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from nemorun_discover.lifecycle.board import Board
    from nemorun_discover.lifecycle.crew import Crew
    from nemorun_discover.lifecycle.decide import Decision
    from nemorun_discover.lifecycle.inputs import Inputs
    from nemorun_discover.lifecycle.live_code import CodeWatch
    from nemorun_discover.model.job import Job
    from nemorun_discover.model.layout import ExperimentLayout
    from nemorun_discover.model.status import CodeChange, Contact
    from nemorun_discover.schedulers.protocol import Fact, Started

ROOM_PACE_S = 0.5  # GPUs that jobs of other experiments have: nobody tells when they are free
LARGEST_RESULT_IN_JOURNAL = 65_536  # bytes of JSON; a larger one is read from its file


@dataclass(slots=True)
class _Due:
    """An attempt that is to be submitted.

    Attributes:
        answer: Its backend has taken it, and the journal does not have that yet.
    """

    attempt: int
    answer: Started | None = None


class Driver:
    """Carries one experiment on.

    Args:
        board: Where its jobs stand.
        crew: The schedulers of its executors.
        layout: Its folder.
        inputs: What its jobs get from elsewhere.
        code: Compares the files that jobs run with what was planned.

    Attributes:
        shortage: What this machine has too little of for the jobs that are to be started; None for nothing.
    """

    def __init__(
        self, board: Board, crew: Crew, layout: ExperimentLayout, inputs: Inputs, code: CodeWatch
    ) -> None:
        self._code = code
        self._board = board
        self._crew = crew
        self._inputs = inputs
        self._layout = layout
        self._jobs = {job.id: job for job in board.record.jobs}
        self._contacts: dict[str, Contact] | None = None  # the first step writes: `run -d` waits
        self._took_later = False
        self._waits_for_room = False
        # Jobs that were taken for lost, and are looked for once more.
        self._looked_for: set[str] = set()
        self._owes_note = False
        self._due: dict[str, _Due] = {}
        self._pauses, self._again_at = pauses(), 0.0
        self.shortage: str | None = None

    def take_over(self) -> None:
        """The first step: find again what an earlier driver had started, and go on from there."""
        self._owes_note = self._board.has_begun
        self._adopt()
        self._look_for_lost()
        self.step()

    @property
    def looks_again(self) -> bool:
        """True until it is known again where the jobs are that were taken for lost, or that nobody can tell now."""
        return bool(self._looked_for)

    def _look_for_lost(self) -> None:
        """Have the jobs looked for that an earlier driver has taken for lost."""
        for job in self._lost():
            try:
                submission = replace(
                    self._crew.submission_of(job, self._attempt(job)), was_lost=True
                )
                if self._crew.scheduler_of(job).adopt(submission) is not None:
                    self._looked_for.add(job.id)
            except NemorunError:  # it stays lost
                continue

    def _lost(self) -> list[Job]:
        return [
            job
            for id_, job in self._jobs.items()
            if self._board.jobs[id_].is_lost and self._crew.scheduler_of(job).has_late_evidence
        ]

    def _adopt(self) -> None:
        for job in self._active():
            attempt = self._attempt(job)
            try:
                found = self._crew.scheduler_of(job).adopt(self._crew.submission_of(job, attempt))
            except NemorunError as error:
                if is_passing(error):
                    raise
                self._fail_to_start(job, attempt, error)
                continue
            if found is None:
                self._due.setdefault(job.id, _Due(attempt))
            elif self._board.jobs[job.id].state is State.SUBMITTED:
                self._board.write(*entries.started(job.id, attempt, found, utc_now()))
        self._hand_over()

    def step(self) -> None:
        """Look once at everything, and do what follows from it."""
        self._board.refresh()
        self._cancel()
        self._observe()
        self._take_in_late()
        self._stop_groups()
        self._hand_over()
        self._start()
        if self._took_later:  # asked at once: what was taken goes out with the next question
            self._took_later = False
            self._observe()
        self._keep_contacts()
        if self._owes_note and not self._looked_for:
            self._owes_note = False
            self._board.write(Event(at=utc_now(), type=EventType.NOTE, message=CAUGHT_UP))

    @property
    def pace_s(self) -> float:
        """How long to rest until the next step; a child that ends is noticed at once."""
        idle_s = ROOM_PACE_S if self._waits_for_room else 0.1
        return min((self._crew.scheduler_of(job).pace_s for job in self._active()), default=idle_s)

    @property
    def waits_for_a_person(self) -> bool:
        """True when all that is left needs a login, and nobody is there to be asked."""
        active = self._active()
        if not active and self._waits_for_room:
            return False  # GPUs of this machine, which jobs of other experiments have
        return self._inputs.waits_for_a_person and all(
            self._crew.scheduler_of(job).needs_login for job in active
        )

    def _keep_contacts(self) -> None:
        contacts = self._inputs.with_contacts(self._crew.contacts())
        if contacts != self._contacts:
            self._contacts = contacts
            keep_contacts(self._layout, contacts)

    def _active(self) -> list[Job]:
        return [job for id_, job in self._jobs.items() if self._board.jobs[id_].state in ACTIVE]

    def _attempt(self, job: Job) -> int:
        return self._board.jobs[job.id].attempt

    def _cancel(self) -> None:
        for job_id in sorted(self._board.cancelling & set(self._jobs)):
            state = self._board.jobs[job_id].state
            if state is State.PLANNED or self._is_only_due(job_id):
                self._board.change_state(job_id, State.CANCELLED)
                self._due.pop(job_id, None)
            elif state in ACTIVE:
                self._end(self._jobs[job_id])

    def _stop_groups(self) -> None:
        """End what the policies of groups end; asked again at every look, until it has ended."""
        for job_id, stop in members_to_stop(self._board.record, self._board.jobs).items():
            if self._board.jobs[job_id].state is State.PLANNED or self._is_only_due(job_id):
                self._board.change_state(job_id, stop.state, stop.reason)
                self._due.pop(job_id, None)
            else:
                self._end(self._jobs[job_id])

    def _is_only_due(self, job_id: str) -> bool:
        """True for an attempt that is in the journal, and that nobody has been given."""
        return job_id in self._due and self._due[job_id].answer is None

    def _end(self, job: Job) -> None:
        self._crew.scheduler_of(job).cancel([self._crew.submission_of(job, self._attempt(job))])

    def _observe(self) -> None:
        heard = self._crew.contacts() if self._looked_for else {}
        given = [job for job in self._active() if not self._is_only_due(job.id)]
        active = sorted((*given, *self._lost()), key=lambda job: job.executor)
        for _, alike in groupby(active, key=lambda job: job.executor):
            jobs = list(alike)
            asked = [self._crew.submission_of(job, self._attempt(job)) for job in jobs]
            facts = self._crew.scheduler_of(jobs[0]).query(asked)
            if any(fact.state.is_final for fact in facts.values()):
                self._code.attempts_have_ended()
            for job_id in sorted(facts, key=lambda one: entries.order_of(facts[one])):
                self._take_in(self._jobs[job_id], facts[job_id])
        for job_id in [*self._looked_for]:
            contact = heard.get(self._jobs[job_id].executor)
            scheduler = self._crew.scheduler_of(self._jobs[job_id])
            if contact is None or contact.as_of or contact.trouble or scheduler.needs_login:
                self._looked_for.discard(job_id)

    def _take_in(self, job: Job, fact: Fact) -> None:
        if self._board.jobs[job.id].is_lost and (
            (fact.state is State.FAILED and fact.reason in (Reason.LOST, Reason.DAMAGED))
            or fact.state in (State.PLANNED, State.UNKNOWN)
        ):
            return  # nothing is known that was not known before
        if fact.attempt is not None and fact.attempt > self._attempt(job):
            self._go_on_to(job, fact.attempt, fact)
        attempt = self._attempt(job)
        self._note_arrival(job, attempt, fact)
        if fact.state is State.PLANNED:
            self._board.say_in_log(job, attempt, fact.message or "it was refused")
            failed = self._board.jobs[job.id].last_failure
            if failed is not None:  # a retry that is refused changes nothing of what has failed
                self._board.write(*entries.retry_refused(job.id, attempt, fact, failed, utc_now()))
            else:
                self._board.write(*entries.refused(job.id, attempt, fact, utc_now()))
            return
        if not fact.state.is_final:
            if fact.state is not self._board.jobs[job.id].state:
                self._board.write(entries.changed(job.id, attempt, fact, utc_now()))
            return
        fact, result = self._with_result(job, self._as_the_group_says(job, fact))
        if self._board.jobs[job.id].is_lost and fact.reason == Reason.DAMAGED:
            return
        self._board.write(*self._code.at_end(job, attempt, self._code_known_of(job)))
        self._board.write(entries.ended(job.id, attempt, fact, utc_now()))
        if self._is_tried_again(job, fact):
            self._submit((job,), attempt + 1)
            return
        now = utc_now()
        self._board.write(*result, entries.changed(job.id, attempt, fact, now))

    def _take_in_late(self) -> None:
        """Evidence that comes after a job was taken for lost overrules that."""
        for job_id, said in late_ends(self._layout, self._board.jobs.values()).items():
            attempt = self._board.jobs[job_id].attempt
            fact, result = self._with_result(self._jobs[job_id], said)
            if fact.reason == Reason.DAMAGED:
                continue
            now = utc_now()
            self._board.write(
                entries.ended(job_id, attempt, fact, now),
                *result,
                entries.changed(job_id, attempt, fact, now),
            )

    def _code_known_of(self, job: Job) -> tuple[CodeChange, ...]:
        attempts = self._board.jobs[job.id].attempts
        return attempts[-1].code if attempts else ()

    def _go_on_to(self, job: Job, attempt: int, fact: Fact) -> None:
        """The backend has begun a later attempt by itself: the one before it has ended."""
        now = utc_now()
        ended = entries.requeued(job.id, self._attempt(job), fact.before, now)
        self._board.write(ended, entries.intent(job.id, attempt, now))

    def _note_arrival(self, job: Job, attempt: int, fact: Fact) -> None:
        """The native id of an attempt whose `submit` did not tell it."""
        if fact.native_id is not None and fact.native_id != self._board.jobs[job.id].native_id:
            self._board.write(*entries.arrived(job.id, attempt, fact, utc_now()))

    def _as_the_group_says(self, job: Job, fact: Fact) -> Fact:
        """What a member was ended as; one that ended by itself, or that the user cancelled, is what it is."""
        if fact.state is not State.CANCELLED or job.id in self._board.cancelling:
            return fact
        stop = members_to_stop(self._board.record, self._board.jobs).get(job.id)
        return fact if stop is None else replace(fact, state=stop.state, reason=stop.reason)

    def _is_tried_again(self, job: Job, fact: Fact) -> bool:
        if fact.state is not State.FAILED or job.group or job.id in self._board.cancelling:
            return False
        return has_attempts_left(job, self._board.jobs[job.id])

    def _with_result(self, job: Job, fact: Fact) -> tuple[Fact, tuple[Event, ...]]:
        """The fact, and what the task returned, unless that is too large; a damaged result is no success."""
        path = self._layout.job(job.slug).result
        if fact.state is not State.SUCCEEDED or _size(path) > LARGEST_RESULT_IN_JOURNAL:
            return fact, ()
        try:
            value = read_value(path)
        except DamagedFile as error:
            failed = replace(fact, state=State.FAILED, reason=Reason.DAMAGED, message=error.message)
            return failed, ()
        except UnreadableFile:  # whoever asks for it reads the file
            return fact, ()
        if value is None:
            return fact, ()
        return fact, (Event(at=utc_now(), type=EventType.RESULT, job=job.id, value=value),)

    def _start(self) -> None:
        for sentence in self._inputs.notes():
            self._board.write(Event(at=utc_now(), type=EventType.NOTE, message=sentence))
        decision = self._decide()
        while decision.skip:
            for job_id, reason in decision.skip.items():
                self._board.change_state(job_id, State.SKIPPED, reason)
            decision = self._decide()
        room, is_idle = decision.room, decision.is_idle
        self._waits_for_room = False
        queued: list[Job] = []  # none takes another's place: they are written down together
        for unit in decision.ready:
            # A group that is larger than all the room there is starts when nothing else runs.
            if (len(unit) <= room or is_idle) and self._fits(unit):
                room, is_idle = room - len(unit), False
                if self._crew.has_queue(unit[0]):
                    queued += unit
                else:
                    self._submit(unit, 1)
        if queued:
            self._submit(queued, 1)

    def _decide(self) -> Decision:
        return decide(self._board.record, self._board.jobs, self._crew.in_one_queue)

    def _fits(self, unit: Sequence[Job]) -> bool:
        try:
            if not self._inputs.are_there(unit):
                return False
            has_room = self._crew.can_start(unit)
        except NemorunError as error:
            if is_passing(error):
                raise
            self._board.write(*(entries.intent(job.id, 1, utc_now()) for job in unit))
            for job in unit:
                self._fail_to_start(job, 1, error)
            return False
        self._waits_for_room = self._waits_for_room or not has_room
        return has_room

    def _submit(self, unit: Sequence[Job], attempt: int) -> None:
        """Submit jobs that start together: that all of them will be is written down before the first is."""
        now = utc_now()
        self._board.write(*(entries.intent(job.id, attempt, now) for job in unit))
        self._due |= {job.id: _Due(attempt) for job in unit}
        self._hand_over()

    def _hand_over(self) -> None:
        """Submit what is in the journal as intended; what this machine has no means for now is tried again later.

        Each stays due until the journal has what came of it: it may be full at any line.
        """
        if time.monotonic() < self._again_at:
            return
        for job_id, due in list(self._due.items()):
            try:
                # One that could not be started may have ended the others of its group already.
                stop = members_to_stop(self._board.record, self._board.jobs).get(job_id)
                if stop is not None and due.answer is None:
                    self._board.change_state(job_id, stop.state, stop.reason)
                else:
                    self._hand_over_one(self._jobs[job_id], due)
            except (NemorunError, *CAUGHT) as error:
                if not is_passing(error):
                    raise
                self.shortage = describe(error, self._layout.root)
                self._again_at = time.monotonic() + next(self._pauses)
                return
            del self._due[job_id]
        self.shortage, self._pauses = None, pauses()

    def _hand_over_one(self, job: Job, due: _Due) -> None:
        if due.answer is None:
            if changed := self._code.at_start(job, due.attempt):
                self._board.write(*changed)
            try:
                submission = replace(
                    self._crew.submission_of(job, due.attempt),
                    waits_for=still_waits_for(job, self._board.jobs),
                )
                require_runtime(submission.runtime)
                due.answer = self._crew.scheduler_of(job).submit(submission)
            except NemorunError as error:
                if is_passing(error):
                    raise
                self._fail_to_start(job, due.attempt, error)
                return
        self._took_later = self._took_later or due.answer is None
        if due.answer is not None:
            self._board.write(*entries.started(job.id, due.attempt, due.answer, utc_now()))

    def _fail_to_start(self, job: Job, attempt: int, error: NemorunError) -> None:
        sentence = f"{error.message}; {error.hint}" if error.hint else error.message
        self._board.say_in_log(job, attempt, sentence)
        reason = Reason.DAMAGED if isinstance(error, DamagedFile) else Reason.START_FAILED
        self._board.write(
            *entries.failed_to_start(job.id, attempt, sentence, utc_now(), reason=reason)
        )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
