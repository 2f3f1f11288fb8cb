"""What an attempt's folder proves: who runs it, and how it ended."""

from __future__ import annotations

import signal
from datetime import datetime
from typing import TYPE_CHECKING, Any

from nemorun_discover.files import read_json
from nemorun_discover.model.state import Reason, State
from nemorun_discover.schedulers.local.process import (
    is_on_this_host,
    is_same_process_alive,
    kill_group,
    kill_marked,
)
from nemorun_discover.schedulers.protocol import Fact

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nemorun_discover.model.layout import AttemptLayout


def read_fact(paths: AttemptLayout) -> Fact | None:
    """Where an attempt stands, from its files and the processes of this machine.

    Returns:
        None when nothing is known: it never started here, or it runs on another machine.
    """
    ended = read_json(paths.exit)
    if ended is not None:
        return _ended(ended)
    process = read_json(paths.process)
    if process is None:
        return None
    if is_same_process_alive(process):
        return Fact(
            state=State.RUNNING,
            host=process["host"],
            started_at=_time(process.get("started_at")),
            message=process.get("waits_for"),
        )
    if not is_on_this_host(process):
        return None
    ended = read_json(paths.exit)  # it may have ended between the two looks
    return _ended(ended) if ended is not None else _lost(paths, process)


def _ended(document: Mapping[str, Any]) -> Fact:
    reason = document.get("reason")
    return Fact(
        state=_state_of(document),
        reason=None if reason == "CANCELLED" else reason,
        exit_code=document.get("exit_code"),
        signal=document.get("signal"),
        host=document.get("host"),
        started_at=_time(document.get("started_at")),
        ended_at=_time(document.get("ended_at")),
    )


def _state_of(document: Mapping[str, Any]) -> State:
    if document.get("reason") == "CANCELLED":
        return State.CANCELLED
    return (
        State.SUCCEEDED
        if document.get("exit_code") == 0 and not document.get("reason")
        else State.FAILED
    )


def _lost(paths: AttemptLayout, process: Mapping[str, Any]) -> Fact:
    """The supervisor is gone and left nothing: end what it stood over, so that nothing runs unseen."""
    child = process.get("child")
    # A job of several processes names them all; they are one group, which the first one leads.
    children = process.get("children") or ([child] if child is not None else [])
    if any(is_same_process_alive(one) for one in children):
        kill_group(int(children[0]["pid"]), signal.SIGKILL)
    kill_marked(paths.root)
    return Fact(
        state=State.FAILED,
        reason=Reason.LOST,
        host=process.get("host"),
        started_at=_time(process.get("started_at")),
    )


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
