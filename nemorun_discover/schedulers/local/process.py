"""Processes of this machine: is it still the one that was started, and how is it ended.

A process id alone is handed out again; with the time the kernel started it, it names one process.
Standard library, Python 3.9: the worker writes down its own identity with it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from pathlib import Path

from nemorun_discover.shortage import is_passing

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_KILL_ROUNDS = 200  # a process that waits for a disk dies when it has answered, if ever
_KILL_PAUSE_S = 0.01
_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h, since Linux 3.4
_STAT_STATE = 0
_STAT_PARENT = 1
_STAT_STARTTIME = 19  # field 22 of proc(5), counted from the state (field 3)


def describe_process(pid: int) -> dict[str, Any]:
    """What tells this process from every other: pid, start mark, boot and host (JSON)."""
    return {
        "pid": pid,
        "started": _start_mark(pid),
        "boot": _boot(),
        "host": _host(),
        "pid_namespace": _pid_namespace(),
    }


def is_same_process_alive(identity: Mapping[str, Any]) -> bool:
    """True when the process so described is seen to run on this machine; a zombie does not."""
    return runs_still(identity) is True


def runs_still(identity: Mapping[str, Any]) -> bool | None:
    """Whether the process so described runs on this machine; None when this process cannot tell.

    It cannot where /proc is not mounted, or hides the process (hidepid), or shows those of another PID
    namespace: that a process is not seen there proves nothing. That its number is free proves its end.
    """
    if identity.get("host") != _host():
        return False
    own, other = _boot(), identity.get("boot")
    if own and other and own != other:
        return False
    space = identity.get("pid_namespace")
    if space and space != _pid_namespace():
        return None
    pid = int(identity["pid"])
    mark = _start_mark(pid)
    started = identity.get("started")
    if mark is not None and started is not None:
        return bool(mark == started)
    return None if _is_number_taken(pid) else False


def is_on_this_host(identity: Mapping[str, Any]) -> bool:
    """True when the process was started on this machine, whether or not it has been booted since."""
    return identity.get("host") == _host()


def send_signal(identity: Mapping[str, Any], number: signal.Signals) -> bool:
    """Signal the process so described; False when it has ended already."""
    if not is_same_process_alive(identity):
        return False
    try:
        os.kill(int(identity["pid"]), number)
    except ProcessLookupError:
        return False
    return True


def kill_group(pgid: int, number: int) -> bool:
    """Signal a whole process group; False when nothing of it is left."""
    try:
        os.killpg(pgid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def adopt_orphans() -> bool:
    """Become the parent of what this process's descendants leave behind: `setsid` and a double fork lead out of nothing.

    Returns:
        False where the kernel has no such thing (macOS), or Python no ctypes.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        import ctypes  # noqa: PLC0415 - 2.5 ms, for a supervisor only

        return bool(ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)
    except (ImportError, OSError, AttributeError):
        return False


def signal_descendants(number: signal.Signals, *, but_group: int = 0) -> None:
    """Signal every process that this one, or one below it, has started, save those of a process group."""
    for one in _descendants():
        with contextlib.suppress(OSError):
            if os.getpgid(one) != but_group:
                os.kill(one, number)


def kill_descendants() -> None:
    """Kill them, and what they start meanwhile; nothing is left when it returns.

    For a process that has adopted orphans: otherwise what was left by its own parent is not seen.
    """
    for _ in range(_KILL_ROUNDS):
        if not _reap():
            return
        signal_descendants(signal.SIGKILL)
        time.sleep(_KILL_PAUSE_S)


def _reap() -> bool:
    """Take in the children that have ended; False when there is no other."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


def _descendants() -> list[int]:
    below: dict[int, list[int]] = {}
    for pid in _other_processes():
        below.setdefault(_parent_of(pid), []).append(pid)
    found = list(below.get(os.getpid(), ()))
    for one in found:  # it grows
        found += below.get(one, ())
    return found


def kill_marked(attempt: Path) -> None:
    """Kill every process of this user that the environment of this attempt was handed down to.

    For want of a supervisor that could tell by who started whom: what is in a session of its own is found by what its
    environment says. Where there is no /proc (macOS), nothing is found.

    Args:
        attempt: The attempt's folder; NEMORUN_JOB_DIR and NEMORUN_ATTEMPT say that a process is of it.
    """
    for _ in range(_KILL_ROUNDS):  # one of them may have started another while we looked
        pids = processes_of(attempt)
        if not pids:
            return
        for one in pids:
            with contextlib.suppress(OSError):
                os.kill(one, signal.SIGKILL)
        time.sleep(_KILL_PAUSE_S)


def processes_of(attempt: Path) -> list[int] | None:
    """The processes of this user, oldest first, that the environment of this attempt was handed down to.

    None where nobody can tell: there is no /proc (macOS), or it does not show this process itself.
    """
    if not _environment_of(os.getpid()):
        return None
    marks = _marks_of(attempt)
    found = [one for one in _other_processes() if marks <= _environment_of(one)]
    return sorted(found, key=lambda pid: int(_start_mark(pid) or 0))


def signal_ranks(attempt: Path, number: signal.Signals) -> None:
    """Signal the processes of the attempt that a launcher started, and nothing that these have started.

    Args:
        attempt: The attempt's folder.
        number: The signal.
    """
    marks = _marks_of(attempt)
    for pid in _other_processes():
        environment = _environment_of(pid)
        if marks <= environment and _is_rank(environment):
            parent = _environment_of(_parent_of(pid))
            if not (marks <= parent and _is_rank(parent)):
                with contextlib.suppress(OSError):
                    os.kill(pid, number)


def _marks_of(attempt: Path) -> set[bytes]:
    number = attempt.name.rpartition("-")[2]
    return {
        b"NEMORUN_JOB_DIR=" + os.fsencode(attempt.parent),
        b"NEMORUN_ATTEMPT=" + number.encode(),
    }


def _is_rank(environment: set[bytes]) -> bool:
    return any(one.startswith(b"RANK=") for one in environment)


def _parent_of(pid: int) -> int:
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return 0
    return int(stat[stat.rindex(b")") + 2 :].split()[_STAT_PARENT])


def _other_processes() -> list[int]:
    try:
        names = os.listdir("/proc")  # noqa: PTH208 - names, not paths
    except OSError:
        return []
    return [int(name) for name in names if name.isdigit() and int(name) != os.getpid()]


def _environment_of(pid: int) -> set[bytes]:
    """As it was when the program began; empty for another user's process, and for a zombie."""
    try:
        return set(Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"))
    except OSError:
        return set()


def _start_mark(pid: int) -> str | None:
    """When the kernel started this process; None when there is none, or only its zombie, or it is not seen."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:  # none of that number; or hidepid: EPERM, ENOENT
        return None if Path("/proc/self/stat").exists() else _start_mark_by_ps(pid)
    # The command's name stands in parentheses and may hold anything, even ") ".
    values = stat[stat.rindex(b")") + 2 :].split()
    return None if values[_STAT_STATE] in (b"Z", b"X") else values[_STAT_STARTTIME].decode()


def _start_mark_by_ps(pid: int) -> str | None:
    import subprocess  # noqa: PLC0415 - costs the worker 9 ms, and Linux has no need of it

    command = ["ps", "-o", "state=,lstart=", "-p", str(pid)]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()  # noqa: S603
    except OSError:
        return None
    state, _, started = answer.partition(" ")
    return started.strip() if started and not state.startswith("Z") else None


def _is_number_taken(pid: int) -> bool:
    """True when a process has this number that is not seen to be a zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        pass
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return True
    return stat[stat.rindex(b")") + 2 :].split()[_STAT_STATE] not in (b"Z", b"X")


def _host() -> str:
    return os.uname().nodename


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError as error:
        if is_passing(error):  # without it every process would seem to be gone
            raise
        return ""


def _pid_namespace() -> str:
    """Process ids mean something in one; empty where there are none."""
    try:
        return os.readlink("/proc/self/ns/pid")  # noqa: PTH115 - text, not a path
    except OSError:
        return ""
