"""Where the contract of schedulers is tried, and how its tests ask and wait there."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Protocol
from weakref import WeakKeyDictionary

from nemorun_discover.model.state import State

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from nemorun_discover.schedulers.protocol import Fact, Scheduler, Started, Submission

PATIENCE_S = 120.0  # several processes that import torch, on a machine that does other things too
WAIT = "while [ ! -e go ]; do sleep 0.05; done"
_PAUSE_S = 0.02


# By scheduler, what it has said of each attempt.
_told: WeakKeyDictionary[Scheduler, dict[tuple[str, int], Fact]] = WeakKeyDictionary()


class Place(Protocol):
    """Where the contract is tried: a kind of executor, and a folder that its jobs run in.

    Attributes:
        folder: The working directory of every job, as the tests see it.
    """

    folder: Path

    def scheduler(self) -> Scheduler:
        """A new scheduler, which knows nothing of what another one did."""
        ...

    def submission(self, name: str, script: str, **fields: Any) -> Submission:  # noqa: ANN401 - of several types
        """One attempt of a script task, run by bash; its folder and its job.json are there.

        Args:
            name: The task's name; each is another job.
            script: What bash runs, in `folder`.
            fields: Those of the submission, and `env_vars` of its executor.
        """
        ...


def waiting(place: Place, name: str) -> Submission:
    """A job that runs until `go` is called."""
    return place.submission(name, WAIT)


def go(place: Place) -> None:
    """Let the jobs that wait end."""
    (place.folder / "go").touch()


def submitted(scheduler: Scheduler, submission: Submission) -> tuple[str, str]:
    """Submit an attempt; its native id and its handle, waited for when they are told later."""
    return _identity(scheduler, submission, scheduler.submit(submission))


def begin(scheduler: Scheduler, submission: Submission) -> tuple[str, str]:
    """Submit an attempt and wait until it runs; its native id and its handle."""
    identity = submitted(scheduler, submission)
    until(lambda: state_of(scheduler, submission) is State.RUNNING)
    return identity


def taken_over(scheduler: Scheduler, submission: Submission) -> tuple[str, str]:
    """Do what a new driver does with an attempt that another one submitted; its native id and its handle."""
    found = scheduler.adopt(submission) or scheduler.submit(submission)
    return _identity(scheduler, submission, found)


def _identity(
    scheduler: Scheduler, submission: Submission, answer: Started | None
) -> tuple[str, str]:
    if answer is not None:
        return answer.native_id, answer.handle
    until(lambda: _has_arrived(fact_of(scheduler, submission)))
    fact = fact_of(scheduler, submission)
    return (fact.native_id or "", fact.handle or "") if fact else ("", "")


def _has_arrived(fact: Fact | None) -> bool:
    """True also for what was refused, and has no name."""
    if fact is None:
        return False
    return fact.state is State.PLANNED or None not in (fact.native_id, fact.handle)


def fact_of(scheduler: Scheduler, submission: Submission) -> Fact | None:
    """What was said last of one attempt; None for nothing. An adapter may say once what does not change."""
    told = _told.setdefault(scheduler, {})
    key = submission.job.id, submission.attempt
    fact = scheduler.query([submission]).get(submission.job.id)
    if fact is not None:
        told[key] = fact
    return told.get(key)


def state_of(scheduler: Scheduler, submission: Submission) -> State | None:
    """Where one attempt stands; None when that cannot be told."""
    fact = fact_of(scheduler, submission)
    return fact.state if fact else None


def until(is_so: Callable[[], object], patience_s: float = PATIENCE_S) -> None:
    """Wait until something is so.

    Raises:
        TimeoutError: It never came true.
    """
    deadline = time.monotonic() + patience_s
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError("it never came true")
        time.sleep(_PAUSE_S)


def until_final(scheduler: Scheduler, submission: Submission) -> Fact:
    """The last fact of an attempt, waited for."""
    until(lambda: all_final(scheduler.query([submission]), 1))
    return scheduler.query([submission])[submission.job.id]


def all_final(facts: Mapping[str, Fact], count: int) -> bool:
    """True when so many attempts have ended."""
    return len(facts) == count and all(fact.state.is_final for fact in facts.values())
