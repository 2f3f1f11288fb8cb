"""A real sshd on loopback, with users of its own who have all kinds of login shells."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.services.packages import alone, install_packages

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGES = [
    *("openssh-server", "openssh-client", "openssl", "tcsh", "fish"),
    "libpam-google-authenticator",  # a real second factor
]
_PREFIX = "nemorun-"
_SSHD = Path("/usr/sbin/sshd")


def install() -> None:
    """Install what is missing."""
    install_packages(PACKAGES)


@dataclass(kw_only=True, slots=True)
class Machine:
    """The users and folders that the sshds of one test process share."""

    folder: Path
    users: list[str] = field(default_factory=list)
    servers: list[Sshd] = field(default_factory=list)

    def user(self, what: str, shell: str = "/bin/bash", *, password: str | None = None) -> str:
        """A user with this login shell; the same one for the same words."""
        name = f"{_PREFIX}{what}-{os.getpid()}"
        if name not in self.users:
            home = self.folder / "homes" / what
            with alone("users"):
                add = ["useradd", "--no-log-init", "-m", "-d", home, "-s", shell, name]
                subprocess.run(add, check=True, capture_output=True)
                # Not locked: an sshd without PAM refuses whoever has "!" for a password.
                secret = subprocess.run(
                    ["openssl", "passwd", "-6", "-stdin"],
                    input=(password or os.urandom(20).hex()).encode(),
                    capture_output=True,
                    check=True,
                ).stdout.decode()
                subprocess.run(["usermod", "-p", secret.strip(), name], check=True)
            self.users.append(name)
        return name

    def home(self, user: str) -> Path:
        """The user's home."""
        return self.folder / "homes" / user.removeprefix(_PREFIX).rpartition("-")[0]

    def allow(self, user: str, public_key: Path) -> None:
        """Let a key in."""
        with (self.folder / "keys" / user).open("a") as file:
            file.write(public_key.read_text())

    def shell(self, what: str, text: str) -> str:
        """A login shell that is this sh script."""
        path = self.folder / "shells" / what
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return str(path)

    def start(self, *options: str, pam: str | None = None) -> Sshd:
        """Another sshd, with a host key of its own.

        Args:
            options: Lines of sshd_config that go before the usual ones.
            pam: A PAM stack to ask; None for none.
        """
        server = Sshd(machine=self, number=len(self.servers), options=options, pam=pam)
        self.servers.append(server)
        server.start()
        return server

    def close(self) -> None:
        """Stop every sshd, and take every user away."""
        for server in self.servers:
            server.stop()
            server.forget()
        for name in self.users:
            _remove(name)
        shutil.rmtree(self.folder, ignore_errors=True)


@dataclass(kw_only=True, slots=True)
class Sshd:
    """One sshd."""

    machine: Machine
    number: int
    options: tuple[str, ...]
    pam: str | None
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    @property
    def folder(self) -> Path:
        return self.machine.folder / f"sshd-{self.number}"

    @property
    def host_key(self) -> str:
        """Type and key, as known_hosts has them."""
        return " ".join((self.folder / "host_ed25519.pub").read_text().split()[:2])

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def start(self) -> None:
        """Start it, on the same port again when it was stopped."""
        self.folder.mkdir(exist_ok=True)
        self.port = self.port or free_port()
        if not (self.folder / "host_ed25519").exists():
            make_key(self.folder / "host_ed25519")
        program = _SSHD
        if self.pam is not None:
            # sshd asks the PAM service that is called like its program.
            program = self.folder / self._service
            if not program.is_symlink():
                program.symlink_to(_SSHD)
            Path("/etc/pam.d", self._service).write_text(self.pam)
        lines = [
            *self.options,
            f"Port {self.port}",
            "ListenAddress 127.0.0.1",
            f"HostKey {self.folder}/host_ed25519",
            f"PidFile {self.folder}/pid",
            f"AuthorizedKeysFile {self.machine.folder}/keys/%u",
            "StrictModes no",
            "PasswordAuthentication no",
            f"KbdInteractiveAuthentication {'yes' if self.pam else 'no'}",
            f"UsePAM {'yes' if self.pam else 'no'}",
            "MaxStartups 100",
            "Subsystem sftp internal-sftp",
        ]
        (self.folder / "config").write_text("\n".join(lines) + "\n")
        Path("/run/sshd").mkdir(exist_ok=True)
        argv = [str(program), "-D", "-f", f"{self.folder}/config", "-E", f"{self.folder}/log"]
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL)
        for _ in range(200):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                return
            time.sleep(0.02)
        raise RuntimeError(f"sshd did not start: {self.log}")

    def stop(self) -> None:
        """Stop it and every session of it."""
        if self.process is None:
            return
        for pid in (*_below(self.process.pid), self.process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        self.process = None

    def sessions(self) -> list[int]:
        """Processes of the connections that stand."""
        return _below(self.process.pid) if self.process else []

    def forget(self) -> None:
        """Take away what lies outside its folder."""
        if self.pam is not None:
            Path("/etc/pam.d", self._service).unlink(missing_ok=True)

    @property
    def _service(self) -> str:
        return f"{_PREFIX}{os.getpid()}-{self.number}"


@contextlib.contextmanager
def machine() -> Iterator[Machine]:
    """Users and sshds, until the end of the block."""
    install()
    _sweep()
    made = Machine(folder=Path(tempfile.mkdtemp(prefix="nemorun-sshd-")))
    made.folder.chmod(0o755)
    for name in ("homes", "keys", "shells"):
        (made.folder / name).mkdir()
    try:
        yield made
    finally:
        made.close()


def make_key(path: Path, *, passphrase: str = "", kind: str = "ed25519") -> Path:
    """A key pair by ssh-keygen; the path of its public half."""
    argv = ["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-C", path.name, "-f", str(path)]
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL)
    return path.with_name(f"{path.name}.pub")


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _below(parent: int) -> list[int]:
    """Every process below this one, the deepest first."""
    found = []
    with contextlib.suppress(OSError):
        for child in Path(f"/proc/{parent}/task/{parent}/children").read_text().split():
            found += [*_below(int(child)), int(child)]
    return found


def _sweep() -> None:
    """Take away what test processes that were killed left behind."""
    for line in Path("/etc/passwd").read_text().splitlines():
        name = line.partition(":")[0]
        pid = name.rpartition("-")[2]
        if name.startswith(_PREFIX) and pid.isdigit() and not Path(f"/proc/{pid}").exists():
            _remove(name)
    for stack in Path("/etc/pam.d").glob(f"{_PREFIX}*"):
        if not Path("/proc", stack.name.split("-")[1]).exists():
            stack.unlink(missing_ok=True)


def _remove(name: str) -> None:
    """Take a user away, with every process of theirs."""
    uid = subprocess.run(["id", "-u", name], capture_output=True, text=True, check=False).stdout
    for entry in Path("/proc").glob("[0-9]*") if uid else ():
        with contextlib.suppress(OSError):
            if entry.stat().st_uid == int(uid):
                os.kill(int(entry.name), signal.SIGKILL)
    with alone("users"):
        subprocess.run(["userdel", "-r", name], check=False, capture_output=True)


if __name__ == "__main__":
    install()
