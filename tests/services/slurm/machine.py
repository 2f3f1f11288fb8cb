"""A computer of a test cluster: a process tree, mounts and a host name of its own, on this machine.

Its first process holds the namespaces; when that is killed the kernel ends every process in them, as
when a plug is pulled. Nothing it mounts is seen outside, and nothing is left to unmount.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tests.services.slurm.layout import User

# What a login without any start-up file has (sshd's default, with the places of daemons).
PATH = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"

# The proc of the machine that runs the tests shows the number by which the first process is known there.
_FIRST_PROCESS = """\
set -eu
trap '' HUP
read -r line <{proc}/self/stat
hostname {name}
{setup}
mount -t proc proc /proc
echo "$line" >{stat}.new
mv {stat}.new {stat}
set +e
while :; do sleep infinity & wait $!; done
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Machine:
    """A computer, running or not; `folder` keeps what is known of it."""

    name: str
    folder: Path

    @property
    def pid(self) -> int | None:
        """The first process's number outside; None when the machine is off."""
        try:
            words = (self.folder / "init.stat").read_text().split()
            now = Path("/proc", words[0], "stat").read_text().split()
        except (OSError, IndexError):
            return None
        # bash and sleep have no space in their names, so proc(5)'s fields are words:
        # 3 is the state, 22 when the process started.
        return int(words[0]) if now[2] not in "ZX" and now[21] == words[21] else None

    def start(self, setup: str, *, inside: Machine | None = None, proc: Path) -> None:
        """Switch it on.

        Args:
            setup: Shell commands, run once by the first process: the machine's own mounts.
            inside: Whose mounts it starts from, and whose later mounts it sees too.
            proc: Where the proc file system of this machine's processes is.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        stat = self.folder / "init.stat"
        stat.unlink(missing_ok=True)
        words = {"name": self.name, "setup": setup, "proc": proc, "stat": shlex.quote(str(stat))}
        script = self.folder / "init.sh"
        script.write_text(_FIRST_PROCESS.format(**words))
        enter = ["nsenter", f"--target={inside.pid}", "--mount", "--wd=/"] if inside else []
        namespaces = ["--mount", "--uts", "--pid", "--fork", "--propagation=slave"]
        with (self.folder / "init.log").open("w") as log:
            subprocess.run(
                ["setsid", "--fork", *enter, "unshare", *namespaces, "bash", str(script)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                check=True,
                cwd="/",
                env={"PATH": PATH, "BASH_ENV": ""},
            )
        until(lambda: self.pid is not None, 10, f"{self.name} did not start", log=Path(log.name))

    def run(
        self,
        command: Sequence[str],
        *,
        user: User | None = None,
        environment: Mapping[str, str] | None = None,
        check: bool = True,
        stdin: str | None = None,
        timeout: float = 60,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command on the machine, as root or as a user in his home.

        Raises:
            RuntimeError: It failed, and `check` is set; the message has what it printed.
        """
        done = subprocess.run(
            self.argv(command, user=user, environment=environment),
            input=stdin or "",
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
        )
        if check and done.returncode:
            words = shlex.join(command)
            raise RuntimeError(
                f"{self.name}: {words}: {done.returncode}\n{done.stdout}{done.stderr}"
            )
        return done

    def argv(
        self,
        command: Sequence[str],
        *,
        user: User | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> list[str]:
        """The command line which runs a command on this machine; it sees no variable of ours."""
        pid = self.pid
        if pid is None:
            raise RuntimeError(f"{self.name} is off")
        home = f"/home/{user.name}" if user else "/"
        variables = {"PATH": PATH, "HOME": home, "LANG": "C.UTF-8", **(environment or {})}
        as_user = []
        if user:
            variables |= {"USER": user.name, "LOGNAME": user.name, "SHELL": "/bin/bash"}
            as_user = ["setpriv", f"--reuid={user.uid}", f"--regid={user.uid}", "--clear-groups"]
        return [
            *("nsenter", f"--target={pid}", "--mount", "--uts", "--pid"),
            *as_user,
            *("env", "-C", home, "-i", *(f"{name}={value}" for name, value in variables.items())),
            *command,
        ]

    def processes(self, name: str | None = None) -> list[int]:
        """Numbers, outside, of the processes on the machine, all or those with that name."""
        first = self.pid
        if first is None:
            return []
        namespace = Path(f"/proc/{first}/ns/pid").readlink()
        return [
            pid
            for pid in (int(one.name) for one in Path("/proc").iterdir() if one.name.isdigit())
            if pid != first and _lives_in(pid, namespace) and name in (None, _name_of(pid))
        ]

    def send(self, name: str, number: signal.Signals) -> list[int]:
        """Send a signal to every process of that name on the machine; which they were."""
        found = self.processes(name)
        for pid in found:
            kill(pid, number)
        return found

    def end(
        self, name: str, number: signal.Signals = signal.SIGTERM, patience_s: float = 5
    ) -> None:
        """End every process of that name: a signal, and after a while another one that is obeyed."""
        self.send(name, number)
        deadline = time.monotonic() + patience_s
        while self.processes(name) and time.monotonic() < deadline:
            time.sleep(0.02)
        self.send(name, signal.SIGKILL)
        until(lambda: not self.processes(name), 5, f"{self.name}: {name} does not end")

    def unplug(self) -> None:
        """Switch it off at once; every process on it is gone when this returns."""
        first = self.pid
        if first is None:
            return
        inside = self.processes()
        os.kill(first, signal.SIGKILL)
        until(lambda: self.pid is None, 10, f"{self.name} does not stop")
        until(lambda: not any(map(_is_there, inside)), 10, f"{self.name} leaves processes")


def kill(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process, which may be gone."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def number_inside(pid: int) -> str:
    """A process's number on its own machine; empty when it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return ""
    return status.partition("NSpid:")[2].partition("\n")[0].split()[-1]


def until(
    true: Callable[[], bool], seconds: float, otherwise: str, log: Path | None = None
) -> None:
    """Wait until something is so.

    Raises:
        TimeoutError: It is not so after that time; the message has the end of the log.
    """
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            tail = log.read_text(errors="replace")[-3000:] if log and log.exists() else ""
            raise TimeoutError(f"{otherwise} within {seconds:.0f} s\n{tail}")
        time.sleep(0.02)


def _lives_in(pid: int, namespace: Path) -> bool:
    try:
        return Path(f"/proc/{pid}/ns/pid").readlink() == namespace and _is_there(pid)
    except OSError:
        return False


def _is_there(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def _name_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""
