"""Docker's engine, started and stopped by us, with all its state below one folder.

It has a network and a view of the mounts of its own: what it sets up there goes with it, and nothing of this
machine's network is changed.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.services.docker import images
from tests.services.mounts import unmount_below

if TYPE_CHECKING:
    from docker import DockerClient

_STARTS = 3
_PATIENCE_S = 90.0
_STARTED: list[subprocess.Popen[bytes]] = []  # kept: nobody is to complain that they still run


@dataclass(frozen=True, kw_only=True)
class Engine:
    """An engine.

    Attributes:
        base: The folder of its state.
    """

    base: Path

    @property
    def host(self) -> str:
        """For DOCKER_HOST."""
        return f"unix://{self.base}/docker.sock"

    @property
    def has_bridge(self) -> bool:
        """False where iptables is not to be had: then containers use the host's network."""
        return "--bridge=none" not in json.loads((self.base / "command.json").read_text())

    def client(self) -> DockerClient:
        """A client; it is the caller's to close."""
        import docker  # noqa: PLC0415 - a second of imports, for those who need it

        return docker.DockerClient(base_url=self.host, timeout=60)

    def pid(self) -> int | None:
        """Of dockerd; None when it does not run."""
        try:
            pid = int((self.base / "docker.pid").read_text())
        except (OSError, ValueError):
            return None
        return pid if _is_dockerd(pid) else None

    def start(self, *options: str) -> None:
        """Start it and wait until it answers.

        Args:
            options: More of dockerd's; the ones of the last start when none are given.
        """
        self.base.mkdir(parents=True, exist_ok=True)
        command = self.base / "command.json"
        known = json.loads(command.read_text()) if command.exists() else []
        words = [*options] or known or _network_options()
        (self.base / "docker.pid").unlink(missing_ok=True)
        for _ in range(_STARTS):
            if self._wait(self._spawn(words)):
                break
            (self.base / "docker.pid").unlink(missing_ok=True)
        else:
            text = (self.base / "log").read_text(errors="replace")
            raise RuntimeError(f"dockerd does not start:\n{text[-3000:]}")
        command.write_text(json.dumps(words))

    def _spawn(self, options: list[str]) -> subprocess.Popen[bytes]:
        dockerd = [
            "dockerd",
            f"--data-root={self.base}/data",
            f"--exec-root={self.base}/exec",
            f"--host={self.host}",
            f"--pidfile={self.base}/docker.pid",
            "--log-level=warn",
            "--shutdown-timeout=3",
            *options,
        ]
        apart = ["nsenter", f"--net={self._network()}", "--"] if _can_be_apart() else []
        with (self.base / "log").open("ab") as log:
            started = subprocess.Popen(
                [*apart, *dockerd],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        _STARTED.append(started)
        return started

    def _network(self) -> Path:
        """A network name space that outlives restarts of the engine, as a machine's does."""
        place = self.base / "network"
        if not place.exists():
            place.touch()
            subprocess.run(
                ["unshare", f"--net={place}", "ip", "link", "set", "lo", "up"], check=True
            )
        return place

    def _wait(self, started: subprocess.Popen[bytes]) -> bool:
        """Whether it answers; it gives up when its containerd takes more than 15 s, as a busy machine's may."""
        deadline = time.monotonic() + _PATIENCE_S
        while not self._answers():
            if started.poll() is not None or time.monotonic() > deadline:
                return False
            time.sleep(0.1)
        return True

    def _answers(self) -> bool:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as line:
            line.settimeout(2)
            line.connect(f"{self.base}/docker.sock")
            line.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
            return line.recv(64).split()[1:2] == [b"200"]
        return False

    def kill(self) -> None:
        """As a crash would end it; containers may go on."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """As its service would be stopped."""
        self._end(signal.SIGTERM)

    def _end(self, number: int) -> None:
        pid = self.pid()
        if pid is None:
            return
        os.kill(pid, number)
        deadline = time.monotonic() + 30
        while _is_dockerd(pid):
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.05)
        for one in _STARTED:
            if one.pid == pid:
                one.wait(30)  # its first thread may be gone before the others

    def remove(self) -> None:
        """End it and every container, and delete its folder."""
        if self.pid() is None and (self.base / "command.json").exists():
            self.start()
        if self.pid() is not None:
            self._remove_containers()
            self.stop()
        unmount_below(self.base)
        shutil.rmtree(self.base, ignore_errors=True)

    def _remove_containers(self) -> None:
        from docker.errors import APIError  # noqa: PLC0415 - as in client()

        with contextlib.closing(self.client()) as client:
            for one in client.containers.list(all=True, ignore_removed=True):
                with contextlib.suppress(APIError):  # the driver of its job is about to, or has
                    one.remove(force=True, v=True)


def default_base() -> Path:
    """Of the engine that tests share; short, for the path of a socket is."""
    return Path(tempfile.gettempdir(), "nemorun-docker")


def started(base: Path, *options: str, only: str | None = None) -> Engine:
    """An engine with the tests' images, or with one of them, in that folder."""
    engine = Engine(base=base)
    if engine.pid() is None:
        engine.start(*options)
    with contextlib.closing(engine.client()) as client:
        images.load(client, only)
    return engine


def _network_options() -> list[str]:
    has_iptables = (
        shutil.which("iptables")
        and not subprocess.run(
            ["unshare", "--net", "iptables", "-t", "nat", "-S"], capture_output=True, check=False
        ).returncode
    )
    return [] if has_iptables else ["--iptables=false", "--bridge=none"]


def _can_be_apart() -> bool:
    return not subprocess.run(
        ["unshare", "--net", "true"], capture_output=True, check=False
    ).returncode


def _is_dockerd(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        return state != "Z" and b"dockerd" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
