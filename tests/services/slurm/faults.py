"""What goes wrong on a cluster, at the push of a button; `mend` makes all of it good again."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.services.slurm import daemons
from tests.services.slurm.machine import kill, number_inside
from tests.services.slurm.ports import free_ports

if TYPE_CHECKING:
    from tests.services.slurm.layout import Site
    from tests.services.slurm.machine import Machine

_SMALL = "nemorun-small"  # what mounts of small folders are called


@dataclass(frozen=True, kw_only=True, slots=True)
class Faults:
    """Each can be called again, and in any order."""

    site: Site

    def stop_slurmctld(self) -> None:
        """Slurm's commands find nobody; jobs go on."""
        self.resume_slurmctld()
        self._login.end("slurmctld")

    def start_slurmctld(self) -> None:
        """It is back, with the jobs it knew."""
        if not self._login.processes("slurmctld"):
            daemons.start_slurmctld(self.site)

    def pause_slurmctld(self) -> None:
        """It hangs: commands get no answer (and what they ask may be done later)."""
        self._login.send("slurmctld", signal.SIGSTOP)

    def resume_slurmctld(self) -> None:
        """It goes on where it stood."""
        self._login.send("slurmctld", signal.SIGCONT)

    def stop_slurmdbd(self) -> None:
        """Accounting is away: sacct fails, the rest works."""
        self._login.end("slurmdbd")

    def start_slurmdbd(self) -> None:
        """Accounting is back; slurmctld sends what it has kept."""
        if self.site.has_accounting and not self._login.processes("slurmdbd"):
            daemons.start_slurmdbd(self.site)

    def stop_munged(self) -> None:
        """Nobody can prove who he is to Slurm."""
        self._login.end("munged")

    def start_munged(self) -> None:
        """They can again."""
        if not self._login.processes("munged"):
            daemons.start_munged(self.site)

    def unplug(self, node: str) -> None:
        """The node is off at once, with all that runs on it; Slurm sees it in SlurmdTimeout."""
        self.site.node(node).unplug()

    def stop_slurmd(self, node: str) -> None:
        """The node does not answer Slurm; jobs on it go on."""
        self.site.node(node).end("slurmd")

    def start_node(self, node: str) -> None:
        """The node is on, with slurmd."""
        machine = self.site.node(node)
        if machine.pid is None:
            daemons.start_node(self.site, node)
        elif not machine.processes("slurmd"):
            daemons.start_slurmd(self.site, node)

    def drop_connections(self) -> int:
        """Cut every ssh connection; the daemon takes new ones. How many processes served them."""
        listeners = self._listeners()
        # OpenSSH 10 serves a connection with programs of their own.
        names = ("sshd", "sshd-session", "sshd-auth")
        processes = [pid for name in names for pid in self._login.processes(name)]
        serving = [pid for pid in processes if pid not in listeners]
        for pid in serving:
            kill(pid, signal.SIGKILL)
        return len(serving)

    def stop_sshd(self) -> None:
        """Nobody listens, and every connection is cut."""
        for name in ("sshd", "sshd-session", "sshd-auth"):
            self._login.end(name, signal.SIGKILL)

    def start_sshd(self) -> None:
        """Logins work."""
        if self.site.ports.ssh not in self._listeners().values():
            daemons.start_sshd(self.site, self.site.ports.ssh)

    def open_sshd(self, options: str) -> int:
        """One more sshd for the same login node, until `mend`.

        Args:
            options: Lines of sshd_config, which come before the usual ones and so win over them.

        Returns:
            Its port. The host key and the users' keys are those of the usual one.
        """
        (port,) = free_ports(1)
        daemons.start_sshd(self.site, port, options)
        return port

    def small_folder(self, path: str, size: str = "1m") -> None:
        """Mount a small file system below /home, the user's, for all machines of the cluster.

        What is in it is not seen outside. `path` is that on the login node.
        """
        user = self.site.users[0]
        how = f"size={size},mode=700,uid={user.uid},gid={user.uid}"
        command = 'mkdir -p "$1" && exec mount -t tmpfs -o "$2" "$3" "$1"'
        self._login.run(["sh", "-c", command, "-", path, how, _SMALL])

    def fill(self, path: str) -> None:
        """Leave no room in a small folder."""
        command = 'cat /dev/zero >"$1/.ballast" 2>/dev/null'
        self._login.run(["sh", "-c", command, "-", path], check=False)

    def make_room(self, path: str) -> None:
        """Take back what `fill` wrote."""
        self._login.run(["rm", "-f", f"{path}/.ballast"])

    def make_read_only(self, path: str, *, read_only: bool = True) -> None:
        """Nobody can write to a small folder any more, or all can again."""
        self._login.run(["mount", "-o", f"remount,{'ro' if read_only else 'rw'}", path])

    def mend(self) -> None:
        """Everything runs as at the start, but for the jobs."""
        self.resume_slurmctld()
        self.start_munged()
        self.start_slurmdbd()
        self.start_slurmctld()
        for node in self.site.nodes:
            self.start_node(node)
        self.start_sshd()
        for pid, port in self._listeners().items():
            if port != self.site.ports.ssh:
                kill(pid, signal.SIGTERM)
        for path in self._small_folders():
            self._login.run(["umount", "--lazy", path])
            self._login.run(
                ["rmdir", path], check=False
            )  # the user may have put something there before

    def _listeners(self) -> dict[int, int]:
        """The process of each sshd, and its port."""
        files = (self.site.folder / "run").glob("sshd-*.pid")
        ports = {file.read_text().strip(): int(file.stem.removeprefix("sshd-")) for file in files}
        numbers = {pid: number_inside(pid) for pid in self._login.processes("sshd")}
        return {pid: ports[number] for pid, number in numbers.items() if number in ports}

    def _small_folders(self) -> list[str]:
        """proc(5), mountinfo: the fifth word is where, and the last but one what."""
        mounts = Path(f"/proc/{self._login.pid}/mountinfo").read_text().splitlines()
        return [line.split()[4] for line in mounts if line.split()[-2] == _SMALL]

    @property
    def _login(self) -> Machine:
        return self.site.login
