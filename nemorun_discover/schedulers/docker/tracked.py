"""What a process knows of an attempt that it has started or found."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from nemorun_discover.errors import DamagedFile
from nemorun_discover.model.state import Reason, State
from nemorun_discover.schedulers.docker.commands import Way
from nemorun_discover.schedulers.docker.evidence import (
    DAMAGE,
    ENDED,
    UNREADABLE,
    damaged,
    fact_of_own_end,
    fact_of_state,
    is_cancelled,
    known_container,
    lost,
    own_end,
)
from nemorun_discover.schedulers.docker.names import BACKEND, container_name
from nemorun_discover.schedulers.handles import handle_of
from nemorun_discover.schedulers.protocol import Fact

if TYPE_CHECKING:
    from nemorun_discover.model.layout import AttemptLayout
    from nemorun_discover.schedulers.protocol import Submission

_LAST_WORD_S = 5.0  # how long a failure waits to hear whether the memory was the reason


@dataclass(kw_only=True, slots=True)
class Tracked:
    """An attempt.

    Attributes:
        submission: Of it.
        is_starting: A thread is at it, or will be.
        is_waiting: No thread is yet, for other experiments have its GPUs.
        refusal: Why it was not started; None for what was, or may be yet.
        is_dropped: It was cancelled before it was started.
        is_stopping: It was asked to end.
        state: The engine's last word; None before the first.
        is_gone: The engine knows no such container.
        final: How it has ended.
        log_since_us: The moment, in microseconds since the epoch, from which on its log is asked for; 0 for all of it.
        log_known: How many bytes of what came at or after that moment are in the log already.
    """

    submission: Submission
    is_starting: bool = False
    is_waiting: bool = False
    refusal: str | None = None
    is_dropped: bool = False
    is_stopping: bool = False
    state: dict[str, Any] | None = None
    is_gone: bool = False
    final: Fact | None = None
    ended_seen: float | None = None
    log_since_us: int = 0
    log_known: int = 0
    began: float = field(default_factory=time.monotonic)

    @property
    def name(self) -> str:
        """Of its container."""
        return container_name(self.submission)

    @property
    def attempt(self) -> AttemptLayout:
        """Its folder."""
        return self.submission.paths.attempt(self.submission.attempt)

    @property
    def way(self) -> Way:
        """How it was started."""
        return Way(known_container(self.attempt).get("way", Way.WORKER))

    @property
    def age_s(self) -> float:
        """How long this process knows it."""
        return time.monotonic() - self.began

    @property
    def is_watched(self) -> bool:
        """True when the engine has something to tell of it."""
        return not (self.is_starting or self.refusal or self.is_dropped or self.final)

    def runs_s(self) -> float:
        """How long it has run, by the engine's clock."""
        started = fact_of_state(self.state or {}, host="", was_asked=False).started_at
        return (datetime.now(UTC) - started).total_seconds() if started else 0.0

    def fact(self, host: str) -> Fact | None:
        """Where it stands; None when that cannot be told."""
        if self.final is None:
            fact = self._look(host)
            if fact is None or not fact.state.is_final:
                return fact
            self.final = fact
        return self.final

    def _look(self, host: str) -> Fact | None:
        if self.is_dropped:
            return Fact(state=State.CANCELLED)
        if self.refusal is not None:
            return Fact(state=State.PLANNED, reason=Reason.REFUSED, message=self.refusal)
        if self.is_waiting:
            return Fact(state=State.PENDING)
        fact = None if self.is_starting else self._of_the_container(host)
        name, handle = self.name, handle_of(BACKEND, self.submission)
        return fact and replace(fact, native_id=name, handle=handle)

    def _of_the_container(self, host: str) -> Fact | None:
        """Its own evidence, then what the engine says, then that there is neither."""
        state, is_gone = (
            self.state,
            self.is_gone,
        )  # before the evidence: when it has ended that is there
        kept = known_container(self.attempt)
        damage = kept.get(DAMAGE)
        state = kept.get("state", state)
        try:
            ended = own_end(self.attempt)
        except DamagedFile as error:
            ended, damage = None, error.message
        has_ended = (state or {}).get("Status") in ENDED
        if ended is not None:
            if not (has_ended or is_gone) and self._waits_for_the_engine(ended):
                return Fact(state=State.RUNNING, host=host)
            was_asked = is_cancelled(self.attempt)
            return fact_of_own_end(ended, state, host=host, was_asked=was_asked)
        if UNREADABLE in kept:
            return None
        if has_ended or is_gone:
            if damage is not None:
                return damaged(host, damage)
            if state is None or not has_ended:
                return lost(host, f"the engine knows no container {self.name} any more")
        elif state is None:
            return None
        fact = fact_of_state(
            state or {},
            host=host,
            was_asked=is_cancelled(self.attempt),
            timed_out=bool(kept.get("timed_out")),
        )
        if fact.state is State.SUCCEEDED and self.way is Way.WORKER:
            # The worker leaves with 0, however its job ended: that is in the file it leaves.
            return lost(host, f"its worker has ended and left no {self.attempt.exit}")
        return fact

    def _waits_for_the_engine(self, ended: dict[str, Any]) -> bool:
        """A failure may have been for want of memory, which only the engine knows."""
        if ended.get("reason") in (None, "CANCELLED", "TIMEOUT"):
            return False
        if self.ended_seen is None:
            self.ended_seen = time.monotonic()
        return time.monotonic() - self.ended_seen < _LAST_WORD_S
