"""What a test cluster consists of: names, places and ports, as a value that every process can read."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.services.slurm.machine import Machine


@dataclass(frozen=True, kw_only=True, slots=True)
class User:
    """Somebody with a home on a cluster, known there only."""

    name: str
    uid: int
    password: str
    shadow: str  # crypt(3) of the password


ALICE = User(
    name="nemorun-alice",
    uid=60101,
    password="wonderland",
    shadow="$6$nemorun$XMCj6rXg2VL4XqOKpTKe8GfoxePB97AyrpH0haS3bLXLjuZVHYqjsV.XInSQ29pE.BLRtRyg2IoWHDixKiYcT.",
)
BOB = User(
    name="nemorun-bob",
    uid=60102,
    password="builder",
    shadow="$6$nemorun$VdSejcUi9wOxKYBazr9EtyM2QoJoSGRtOmTpqaYf5h51PCZOP3mSeV1v6Dd71WjwvdfxnB2YvB6whDIJc9cKX1",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """What differs from start to start.

    Attributes:
        min_job_age_s: Slurm forgets an ended job after this time, and up to as much again
            (it looks every max(10 s, this)).
        slurmd_timeout_s: A node that has not answered for this long is down, once two messages to
            it have timed out.
        message_timeout_s: How long Slurm's commands and daemons wait for an answer.
        cred_expire_s: A requeued job waits this long and 1 s more: Slurm starts it when the old
            attempt's credential (slurm.conf, AuthInfo=cred_expire) is no longer good. 5 is the least.
        kill_wait_s: Between TERM and KILL.
        private_tmp: Whether a node has a /tmp of its own, as nodes do.
    """

    min_job_age_s: int = 20
    slurmd_timeout_s: int = 8
    message_timeout_s: int = 5
    cred_expire_s: int = 5
    kill_wait_s: int = 3
    cpus: int = 16
    memory_mb: int = 16000
    gpus: int = 8
    private_tmp: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Ports:
    """Where a cluster listens, on 127.0.0.1."""

    ssh: int
    slurmctld: int
    slurmdbd: int | None
    slurmd: tuple[int, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Site:
    """One cluster on paper; `clusters.Cluster` makes it run.

    Attributes:
        name: The cluster's name for Slurm, and the host's in ~/.ssh/config.
        base: The folder of both clusters.
        memory_limits: Whether the kernel's cgroups limit a job's memory (OUT_OF_MEMORY happens).
        users: Who may log in, the first is the one to test with.
        root: The system that its machines run, a Debian of its own; None for the one of this machine.
    """

    name: str
    base: Path
    nodes: tuple[str, ...]
    ports: Ports
    users: tuple[User, ...]
    settings: Settings
    memory_limits: bool
    root: Path | None = None

    @property
    def folder(self) -> Path:
        """All that belongs to the cluster, the same path on its machines and outside."""
        return self.base / self.name

    @property
    def letter(self) -> str:
        """a, b or c."""
        return self.name[-1]

    @property
    def login(self) -> Machine:
        """The login node, which runs slurmctld too."""
        name = f"login-{self.letter}"
        return Machine(name=name, folder=self.folder / "machines" / name)

    def node(self, name: str) -> Machine:
        """A compute node."""
        return Machine(name=name, folder=self.folder / "machines" / name)

    @property
    def slurm_conf(self) -> Path:
        """SLURM_CONF for Slurm's commands, inside and outside."""
        return self.folder / "slurm" / "slurm.conf"

    @property
    def torch_bin(self) -> Path:
        """A folder for the front of a job's PATH: its python3 imports torch, and torchrun is there."""
        return self.folder / "torch" / "bin"

    @property
    def has_accounting(self) -> bool:
        """Whether slurmdbd runs, and sacct answers."""
        return self.ports.slurmdbd is not None

    @property
    def finds_slurm_conf(self) -> bool:
        """Whether the login node has /etc/slurm/slurm.conf; otherwise a login sets SLURM_CONF."""
        return self.letter == "a"

    def system(self, path: str) -> Path:
        """Where a file of the machines' system (`etc/passwd`) lies for us."""
        return (self.root or Path("/")) / path

    def ids_of(self, account: str) -> tuple[int, int]:
        """Number and group of an account that a package has made, as the machines know them."""
        for line in self.system("etc/passwd").read_text().splitlines():
            name, _, uid, gid, *_ = line.split(":")
            if name == account:
                return int(uid), int(gid)
        raise LookupError(f"{self.name}: no account {account}")

    @property
    def tag(self) -> str:
        """A word that no other cluster on this machine has (for cgroups)."""
        return f"nemorun-{self.ports.slurmctld}-{self.letter}"


def write_sites(file: Path, sites: list[Site]) -> None:
    """Keep what runs for other processes."""
    text = json.dumps([asdict(site) for site in sites], default=str, indent=1)
    file.with_suffix(".new").write_text(text)
    file.with_suffix(".new").rename(file)


def read_sites(file: Path) -> list[Site]:
    """What `write_sites` kept."""
    return [_site(words) for words in json.loads(file.read_text())]


def _site(words: dict) -> Site:
    ports, users, settings = words.pop("ports"), words.pop("users"), words.pop("settings")
    return Site(
        **words
        | {
            "base": Path(words["base"]),
            "nodes": tuple(words["nodes"]),
            "root": Path(words["root"]) if words.get("root") else None,
        },
        ports=Ports(**ports | {"slurmd": tuple(ports["slurmd"])}),
        users=tuple(User(**user) for user in users),
        settings=Settings(**settings),
    )
