"""Real sshds and users, shared by the tests of one process, and an ssh folder of one's own for each test."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from nemorun_discover.executors.tunnels import SSHTunnel
from nemorun_discover.transport.table import open_tunnel
from tests.services import sshd
from tests.services.sshd import make_key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from nemorun_discover.transport.tunnel import Ask, Tunnel
    from tests.services.sshd import Machine, Sshd


@pytest.fixture(scope="session")
def machine() -> Iterator[Machine]:
    """Users and sshds, until the last test."""
    if os.geteuid() != 0:
        pytest.skip("only root can start an sshd for other users")
    with sshd.machine() as made:
        yield made


@pytest.fixture(scope="session")
def server(machine: Machine) -> Sshd:
    """An sshd that takes keys."""
    return machine.start()


@pytest.fixture(scope="session")
def key(machine: Machine) -> Path:
    """A private key that opens `alice`."""
    path = machine.folder / "id_alice"
    make_key(path)
    return path


@pytest.fixture(scope="session")
def alice(machine: Machine, key: Path) -> str:
    """A user with bash, whom the key opens."""
    return person(machine, key, "bash")


def person(machine: Machine, key: Path, what: str, shell: str = "/bin/bash") -> str:
    """A user whom the key opens."""
    is_new = not any(name.startswith(f"nemorun-{what}-") for name in machine.users)
    name = machine.user(what, shell)
    if is_new:
        machine.allow(name, key.with_name(f"{key.name}.pub"))
    return name


@dataclass
class Client:
    """The user's side: an ssh folder, and tunnels that are closed at the end of the test."""

    ssh: Path
    opened: list[Tunnel]

    def knows(self, server: Sshd, port: int | None = None) -> None:
        """Put a server's host key into known_hosts."""
        with (self.ssh / "known_hosts").open("a") as file:
            file.write(f"[127.0.0.1]:{port or server.port} {server.host_key}\n")

    def config(self, text: str) -> None:
        """Write the ssh configuration."""
        (self.ssh / "config").write_text(text)
        (self.ssh / "config").chmod(0o600)

    def open(self, settings: SSHTunnel, ask: Ask | None = None, **env: str) -> Tunnel:
        """The tunnel."""
        surroundings = {k: v for k, v in os.environ.items() if k != "SSH_AUTH_SOCK"}
        tunnel = open_tunnel(settings, surroundings | env, ask)
        self.opened.append(tunnel)
        return tunnel


@pytest.fixture
def client(home: Path) -> Iterator[Client]:
    """The user's side."""
    folder = home / ".ssh"
    folder.mkdir(mode=0o700)
    made = Client(folder, [])
    yield made
    for tunnel in made.opened:
        tunnel.close()


@pytest.fixture
def to_alice(client: Client, server: Sshd, alice: str, key: Path) -> SSHTunnel:
    """Settings that lead to alice, whose host is known."""
    client.knows(server)
    return SSHTunnel(host="127.0.0.1", port=server.port, user=alice, identity=str(key))


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Path]:
    """A real ssh-agent; its socket."""
    path = tmp_path / "agent"
    process = subprocess.Popen(
        ["ssh-agent", "-D", "-a", str(path)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while not path.exists():
        pass
    yield path
    process.terminate()
    process.wait()
