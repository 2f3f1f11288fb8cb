"""Where an attempt stands: what its folder proves, and what TorchX says where the folder proves nothing."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from nemorun_discover.documents import App, Process, read_object, time_of
from nemorun_discover.errors import DamagedFile, UnreadableFile
from nemorun_discover.model.state import Reason, State
from nemorun_discover.schedulers.local.evidence import read_fact
from nemorun_discover.schedulers.local.process import is_on_this_host
from nemorun_discover.schedulers.protocol import Fact
from nemorun_discover.schedulers.torchx.sdk import GONE
from nemorun_discover.schedulers.torchx.settings import files_of_torchx

if TYPE_CHECKING:
    from nemorun_discover.model.layout import AttemptLayout
    from nemorun_discover.schedulers.protocol import Submission

# A job's last file may take a moment to appear on another machine: NFS keeps what it knows of a directory
# for up to a minute (acdirmax), a file that did not exist for less.
EVIDENCE_LAG_S = 10.0

# Where TorchX's schedulers keep what a job and its starter print: slurm-1-f-0.err, combined.log.
_SAID_IN = (".err", ".out", ".log")
_MOST_SAID = 4096

_STATES = {
    "UNSUBMITTED": State.SUBMITTED,
    "SUBMITTED": State.SUBMITTED,
    "PENDING": State.PENDING,
    "RUNNING": State.RUNNING,
    "SUCCEEDED": State.SUCCEEDED,
    "FAILED": State.FAILED,
    "CANCELLED": State.CANCELLED,
}
# What schedulers say of the end of a job whose own word for it is lost or misleading: to the job, the end of its
# time and a cancellation are one signal.
_ENDED_BY_THE_CLUSTER = (
    Reason.TIMEOUT,
    Reason.OUT_OF_MEMORY,
    Reason.NODE_FAIL,
    Reason.PREEMPTED,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """What TorchX says of an app.

    Attributes:
        state: A word of TorchX's; GONE for an app that it does not know, or not any more.
        message: What the scheduler itself calls it; empty for nothing.
        since_s: For how long it has said so.
    """

    state: str
    message: str = ""
    since_s: float = 0.0

    @property
    def is_final(self) -> bool:
        """True when the app will not change any more."""
        return self.state == GONE or (self.state in _STATES and _STATES[self.state].is_final)


def fact_of(
    paths: AttemptLayout, view: View | None, *, is_cancelled: bool, is_boxed: bool
) -> Fact | None:
    """Where an attempt stands.

    Args:
        paths: Its folder.
        view: What TorchX says; None when nobody has asked yet.
        is_cancelled: Somebody asked to cancel it.
        is_boxed: Its job does not see this folder; what it leaves comes with its log.

    Returns:
        None when nothing is known.
    """
    damage: DamagedFile | None = None
    try:
        fact = read_fact(paths, is_here=False)
    except UnreadableFile:
        return None
    except DamagedFile as error:
        fact, damage = None, error
    if fact is None and view is not None and view.is_final:
        # It has ended, and its last word may still be on its way.
        last = _last_word(paths, view, is_cancelled=is_cancelled, is_boxed=is_boxed)
        if damage is None or last is None or last.state is State.CANCELLED:
            return last
        return replace(last, state=State.FAILED, reason=Reason.DAMAGED, message=damage.message)
    if fact is None:
        fact = _of_another_machine(paths) or _of_the_app(view, is_boxed=is_boxed)
    if fact is None or not fact.state.is_final or view is None:
        return fact
    reason = _reason_of(view)
    if fact.state is State.CANCELLED and reason is not None and not is_cancelled:
        return replace(fact, state=State.FAILED, reason=reason, raw_state=view.message or None)
    return fact


def _last_word(
    paths: AttemptLayout, view: View, *, is_cancelled: bool, is_boxed: bool
) -> Fact | None:
    if view.since_s < EVIDENCE_LAG_S:
        return None
    raw = view.message or view.state
    if view.state == "CANCELLED" or is_cancelled:
        return Fact(state=State.CANCELLED, raw_state=raw)
    if is_boxed and view.state == "SUCCEEDED":
        return Fact(state=State.SUCCEEDED, raw_state=raw)
    has_begun = paths.log.exists() if is_boxed else paths.process.exists()
    reason = _reason_of(view) or (Reason.LOST if has_begun else Reason.START_FAILED)
    said = f"TorchX says {raw}, and there is no {paths.exit}"
    return Fact(state=State.FAILED, reason=reason, raw_state=raw, message=said)


def _of_another_machine(paths: AttemptLayout) -> Fact | None:
    process = process_of(paths)
    if process is None or is_on_this_host(process):
        return None
    return Fact(
        state=State.RUNNING,
        host=process.get("host"),
        started_at=time_of(process.get("started_at")),
    )


def process_of(paths: AttemptLayout) -> dict[str, Any] | None:
    """Who runs an attempt; None when nobody does, or that cannot be told."""
    try:
        return read_object(paths.process, Process)
    except (DamagedFile, UnreadableFile):
        return None


def app_of(paths: AttemptLayout) -> dict[str, Any]:
    """What was written down of its app; empty when nothing was.

    Of a damaged file no more is known than that somebody was about to hand the attempt over: then it is looked
    for at TorchX by its name, as where the one who did it died before he knew the handle.
    """
    try:
        return read_object(paths.app, App) or {}
    except (DamagedFile, UnreadableFile) as error:
        return {"damage": error.message}


def _of_the_app(view: View | None, *, is_boxed: bool) -> Fact | None:
    if view is None or view.state not in _STATES:
        return None
    state = _STATES[view.state]
    if state is State.RUNNING and not is_boxed:
        state = State.PENDING  # the app may run, but the job has not begun
    return Fact(state=state, raw_state=view.message or None)


def show_why(submission: Submission) -> None:
    """Put into the log of a job that never began what its scheduler printed about that, where it left it here."""
    log = submission.paths.attempt(submission.attempt).log
    if log.exists():
        return
    files = [one for one in sorted(files_of_torchx(submission).rglob("*")) if one.is_file()]
    said = [one.read_bytes()[-_MOST_SAID:] for one in files if one.suffix in _SAID_IN]
    with suppress(OSError):
        log.write_bytes(
            b"\n".join(dict.fromkeys(one.strip() for one in said if one.strip())) + b"\n"
        )


def _reason_of(view: View) -> Reason | None:
    words = view.message.upper().split()
    return next((one for one in _ENDED_BY_THE_CLUSTER if one.value in words), None)
