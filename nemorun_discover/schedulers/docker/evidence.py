"""How an attempt stands: its own evidence first, then what the engine says of its container. Pure, but for reading.

container.json, beside the attempt's log, is what we write down ourselves: which container it is, that it was
asked to end, and the engine's last word on it, which outlives the container.
"""

from __future__ import annotations

import signal
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from nemorun_discover.documents import Container, Exit, read_object
from nemorun_discover.errors import DamagedFile, UnreadableFile
from nemorun_discover.files import write_json
from nemorun_discover.model.state import Reason, State
from nemorun_discover.schedulers.protocol import Fact

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nemorun_discover.model.layout import AttemptLayout

NAME = "container.json"
CANCEL = "cancel"
DAMAGE, UNREADABLE = "damage", "unreadable"
ENDED = ("exited", "dead")  # of the engine's words for how a container stands
_SIGNALLED = 128
_NEVER = "0001-01-01"  # the engine's word for a moment that has not come


def known_container(attempt: AttemptLayout) -> dict[str, Any]:
    """What was written down of the attempt's container; empty when nothing was.

    Where that is damaged, or cannot be read now, one entry says so (DAMAGE, UNREADABLE): there was one.
    """
    try:
        return read_object(attempt.root / NAME, Container) or {}
    except DamagedFile as error:
        return {DAMAGE: error.message}
    except UnreadableFile as error:
        return {UNREADABLE: error.message}


def note_container(attempt: AttemptLayout, **facts: Any) -> None:  # noqa: ANN401 - JSON
    """Write down more of it.

    Raises:
        OSError: It cannot be written.
    """
    known = known_container(attempt)
    known.pop(UNREADABLE, None)
    write_json(attempt.root / NAME, {**known, **facts})


def forget_container(attempt: AttemptLayout) -> None:
    """There is none: it could not be started."""
    (attempt.root / NAME).unlink(missing_ok=True)


def note_cancel(attempt: AttemptLayout) -> None:
    """Write down that the attempt is asked to end: then its end by a signal is that."""
    (attempt.root / CANCEL).touch()


def is_cancelled(attempt: AttemptLayout) -> bool:
    """True when it was asked to end."""
    return (attempt.root / CANCEL).exists()


def own_end(attempt: AttemptLayout) -> dict[str, Any] | None:
    """What the worker left; None when it has left nothing yet.

    Raises:
        DamagedFile: What it left is damaged.
        UnreadableFile: It cannot be read now.
    """
    return read_object(attempt.exit, Exit)


def fact_of_own_end(
    ended: Mapping[str, Any], state: Mapping[str, Any] | None, *, host: str, was_asked: bool
) -> Fact:
    """How an attempt ended by its worker's evidence.

    Args:
        ended: exit.json.
        state: The engine's State of its container; None when it is not known. It alone knows of memory.
        host: The machine; to the worker it is the container.
        was_asked: Nemorun has asked it to end.
    """
    reason = ended.get("reason")
    number = ended.get("signal")
    if reason == "CANCELLED" and not was_asked:
        # Somebody else: `docker stop`, or an engine that ends its containers as it ends itself.
        reason, number = Reason.SIGNAL, number or "SIGTERM"
    if reason not in (None, "CANCELLED") and (state or {}).get("OOMKilled"):
        reason = Reason.OUT_OF_MEMORY
    return Fact(
        state=_state_of(reason, ended.get("exit_code")),
        reason=None if reason == "CANCELLED" else reason,
        exit_code=ended.get("exit_code"),
        signal=number,
        host=host,
        started_at=_moment(ended.get("started_at")),
        ended_at=_moment(ended.get("ended_at")),
    )


def _state_of(reason: str | None, exit_code: int | None) -> State:
    if reason == "CANCELLED":
        return State.CANCELLED
    return State.SUCCEEDED if exit_code == 0 and not reason else State.FAILED


def fact_of_state(
    state: Mapping[str, Any], *, host: str, was_asked: bool, timed_out: bool = False
) -> Fact:
    """How an attempt stands by what the engine says of its container, for want of its own evidence.

    Args:
        state: State, as `docker inspect` has it.
        host: The machine.
        was_asked: Nemorun has asked it to end.
        timed_out: Nemorun has ended it because its time was over.
    """
    fact = Fact(
        state=State.RUNNING,
        host=host,
        raw_state=state.get("Status"),
        started_at=_moment(state.get("StartedAt")),
    )
    if state.get("Status") not in ENDED:
        return fact
    fact = replace(fact, ended_at=_moment(state.get("FinishedAt")))
    code = int(state.get("ExitCode") or 0)
    name = _signal_name(code)
    if was_asked and name is not None:
        return replace(fact, state=State.CANCELLED, signal=name)
    if code == 0 and not state.get("Error"):
        return replace(fact, state=State.SUCCEEDED, exit_code=0)
    reason = _reason(state, name, timed_out=timed_out)
    exit_code = None if name else code
    return replace(fact, state=State.FAILED, reason=reason, exit_code=exit_code, signal=name)


def _reason(state: Mapping[str, Any], name: str | None, *, timed_out: bool) -> str:
    if timed_out:
        return Reason.TIMEOUT
    if state.get("OOMKilled"):
        return Reason.OUT_OF_MEMORY
    return Reason.SIGNAL if name else Reason.EXIT_CODE


def _signal_name(code: int) -> str | None:
    """The signal of an exit code by the rule of shells; None for another code."""
    try:
        return signal.Signals(code - _SIGNALLED).name if code > _SIGNALLED else None
    except ValueError:
        return None


def lost(host: str, why: str) -> Fact:
    """Nothing was left of it that tells how it ended."""
    return Fact(state=State.FAILED, reason=Reason.LOST, host=host, message=why)


def damaged(host: str, why: str) -> Fact:
    """What was left of it that would tell how it ended is damaged."""
    return Fact(state=State.FAILED, reason=Reason.DAMAGED, host=host, message=why)


def _moment(text: str | None) -> datetime | None:
    """A time of the worker's or of the engine's."""
    return None if not text or text.startswith(_NEVER) else datetime.fromisoformat(text)
