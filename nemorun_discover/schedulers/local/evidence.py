"""What an attempt's folder proves: who runs it, and how it ended."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

from nemorun_discover.documents import Exit, Process, read_object, time_of
from nemorun_discover.errors import DamagedFile, UnreadableFile
from nemorun_discover.model.state import Reason, State
from nemorun_discover.schedulers.local.process import (
    is_on_this_host,
    is_same_process_alive,
    kill_group,
    kill_marked,
    processes_of,
    runs_still,
)
from nemorun_discover.schedulers.protocol import Fact

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nemorun_discover.model.layout import AttemptLayout


def read_fact(paths: AttemptLayout, *, is_here: bool = True) -> Fact | None:
    """Where an attempt stands, from its files and the processes of this machine.

    Only proof ends an attempt: a whole exit.json, or a supervisor that is surely gone and has left none. A
    damaged file is no proof either. It ends an attempt, as DAMAGED and naming the file, when nothing of the
    attempt runs any more that could still write a whole one.

    Args:
        paths: The attempt's folder.
        is_here: What runs the attempt, if anything does, is a process of this machine.

    Returns:
        None when nothing is known: it never started here, or it runs on another machine.

    Raises:
        DamagedFile: Who runs the attempt is not known for a damaged file, and that may be another machine.
        UnreadableFile: It cannot be told now.
    """
    damage: DamagedFile | None = None
    try:
        ended = read_object(paths.exit, Exit)
        if ended is not None:
            return _ended(ended)
    except DamagedFile as error:
        damage = error
    try:
        process = read_object(paths.process, Process)
    except DamagedFile as error:
        return _of_unknown_process(paths, damage or error, is_here=is_here)
    if process is None:
        return None if damage is None else _of_unknown_process(paths, damage, is_here=is_here)
    runs = runs_still(process)
    if runs:
        return Fact(
            state=State.RUNNING,
            host=process["host"],
            started_at=time_of(process.get("started_at")),
            message=process.get("waits_for"),
        )
    if not is_on_this_host(process):
        return None if damage is None else _damaged(damage, process)
    if runs is None:
        why = f"process {process['pid']} of {process['host']} is not seen from here"
        raise UnreadableFile(paths.process, why)
    late = late_end(paths)  # it may have ended between the two looks
    if late is not None:
        return late
    return _lost(paths, process) if damage is None else _damaged(damage, process)


def late_end(paths: AttemptLayout) -> Fact | None:
    """How an attempt ended by its own word alone; None when there is none yet, or none that can be read."""
    try:
        ended = read_object(paths.exit, Exit)
    except (DamagedFile, UnreadableFile):
        return None
    return None if ended is None else _ended(ended)


def _of_unknown_process(paths: AttemptLayout, error: DamagedFile, *, is_here: bool) -> Fact:
    """Of an attempt whose process.json tells nothing: its processes have its folder in their environment."""
    if not is_here:
        raise error
    alive = processes_of(paths.root)
    if alive is None:
        raise UnreadableFile(error.path, "and nobody can tell from here whether its processes run")
    if alive:
        return Fact(state=State.RUNNING, reason=Reason.DAMAGED, message=error.message)
    return late_end(paths) or _damaged(error, {})


def _damaged(error: DamagedFile, process: Mapping[str, Any]) -> Fact:
    return Fact(
        state=State.FAILED,
        reason=Reason.DAMAGED,
        message=error.message,
        host=process.get("host"),
        started_at=time_of(process.get("started_at")),
    )


def _ended(document: Mapping[str, Any]) -> Fact:
    reason = document.get("reason")
    return Fact(
        state=_state_of(document),
        reason=None if reason == "CANCELLED" else reason,
        exit_code=document.get("exit_code"),
        signal=document.get("signal"),
        host=document.get("host"),
        started_at=time_of(document.get("started_at")),
        ended_at=time_of(document.get("ended_at")),
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
        message=f"its supervisor, process {process['pid']}, is gone and left no {paths.exit}",
        host=process.get("host"),
        started_at=time_of(process.get("started_at")),
    )
