"""How the conversation with a cluster goes: when it was heard last, what is wrong, when to try again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

_FIRST_PAUSE_S = 2.0
_LONGEST_PAUSE_S = 60.0
_MOST_DOUBLINGS = 5


@dataclass(kw_only=True, slots=True)
class Mood:
    """What is known of it; times are seconds since the epoch.

    Attributes:
        as_of: When the cluster last told where jobs stand; None for never.
        looked_at: When it was last asked, whether or not it answered.
        changed_at: When it last said something new.
        news_since: When it was last given a job: an older look says nothing of that.
        trouble: What is wrong, a sentence; None for nothing.
        submit_trouble: What keeps jobs from being handed over, likewise; looks may go well meanwhile.
        progress: What is being sent.
        was_heard: It has answered at all.
        has_taken: It has taken a job of this experiment: what keeps it from taking another one will pass.
        needs_login: Somebody has to be asked for a password, and nobody is there.
        retry_at: When to try again after a failure.
        submit_at: When to hand jobs over again, likewise.
    """

    as_of: float | None = None
    looked_at: float = 0.0
    changed_at: float = 0.0
    news_since: float = 0.0
    trouble: str | None = None
    submit_trouble: str | None = None
    progress: str | None = None
    was_heard: bool = False
    has_taken: bool = False
    needs_login: bool = False
    retry_at: float = 0.0
    has_accounting: bool = True
    failures: int = 0
    submit_at: float = 0.0
    submit_failures: int = 0

    def is_well(self) -> None:
        """It has answered."""
        self.was_heard, self.trouble = True, None
        self.failures, self.retry_at = 0, 0.0

    def is_ill(self, sentence: str, now: float) -> None:
        """It has not; the pause until the next try doubles, up to a minute."""
        self.retry_at = now + _pause_s(self.failures)
        self.failures += 1
        self.trouble, self.progress = sentence, None

    def can_submit(self) -> None:
        """It has taken, or refused, all that it was given."""
        self.was_heard = True
        self.submit_failures, self.submit_at, self.submit_trouble = 0, 0.0, None

    def cannot_submit(self, sentence: str, now: float) -> None:
        """It has not; the pause grows likewise."""
        self.submit_at = now + _pause_s(self.submit_failures)
        self.submit_failures += 1
        self.submit_trouble, self.progress = sentence, None

    def may_try(self, now: float) -> bool:
        """False while the pause after a failure lasts, and where only a person can help."""
        return not self.needs_login and now >= self.retry_at

    def may_submit(self, now: float) -> bool:
        """The same for what is to be handed over."""
        return not self.needs_login and now >= self.submit_at

    def heard_at(self) -> datetime | None:
        """When the cluster last told where jobs stand."""
        return None if self.as_of is None else datetime.fromtimestamp(self.as_of, UTC)


def _pause_s(failures: int) -> float:
    return min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * (1 << min(failures, _MOST_DOUBLINGS)))
