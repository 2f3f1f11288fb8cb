"""cluster_c: a newer Slurm, with limits, preemption and a plugin that changes what is submitted.

Started and stopped apart from the other two; everything in `clusters.py` that is about one site serves it too.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.services.slurm import configuration, debian, files
from tests.services.slurm.cluster import Cluster
from tests.services.slurm.clusters import ROOT, known_host, start_site, stop
from tests.services.slurm.layout import ALICE, Ports, Settings, Site, read_sites, write_sites
from tests.services.slurm.ports import free_ports

# Users may ask for `few`: three jobs at a time in the queue, one of which runs, with a GPU at most.
_QOS = """add qos few
modify qos few set MaxSubmitJobsPerUser=3 MaxJobsPerUser=1 MaxTRESPerUser=gres/gpu=1
modify user {user} set qos=normal,few
quit
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Alone:
    """cluster_c where a test wants clusters: it is all of them."""

    cluster: Cluster

    @property
    def a(self) -> Cluster:
        """The first."""
        return self.cluster

    @property
    def both(self) -> tuple[Cluster]:
        """All."""
        return (self.cluster,)

    def give_ssh(self, home: Path) -> None:
        """As `give_ssh`."""
        give_ssh(self.cluster, home)


def default_base() -> Path:
    """The folder of this checkout's cluster_c."""
    name = hashlib.sha256(str(ROOT).encode()).hexdigest()[:8]
    return Path(tempfile.gettempdir(), f"nemorun-slurm-c-{name}")


def start(base: Path) -> Cluster:
    """The cluster, started unless it runs; its nodes are idle."""
    found = _running(base)
    if found is not None:
        return found
    stop(base)
    base.mkdir(mode=0o755, parents=True)
    (base / "keys").mkdir()
    files.make_key(base / "keys" / ALICE.name, ALICE.name)
    site = _plan(base)
    write_sites(base / "starting.json", [site])
    try:
        start_site(site)
        variables = {"SLURM_CONF": str(site.slurm_conf)}
        words = _QOS.format(user=ALICE.name)
        site.login.run(["sacctmgr", "-i", "-Q"], environment=variables, stdin=words)
    except BaseException:
        stop(base, keep=True)  # its logs tell what was wrong
        raise
    (base / "starting.json").rename(base / "running.json")
    return Cluster(site=site)


def give_ssh(cluster: Cluster, home: Path) -> None:
    """Write ~/.ssh of a home so that `ssh cluster_c` works, beside what is there."""
    folder = home / ".ssh"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = folder / f"id_{cluster.name}"
    with (folder / "config").open("a") as config:
        config.write(configuration.ssh_config([cluster.site], folder, key=key.name))
    with (folder / "known_hosts").open("a") as known:
        known.write(known_host(cluster.site))
    shutil.copy(cluster.key, key)
    key.chmod(0o600)


def _running(base: Path) -> Cluster | None:
    try:
        (site,) = read_sites(base / "running.json")
    except FileNotFoundError:
        return None
    return Cluster(site=site) if site.login.pid else None


def _plan(base: Path) -> Site:
    ssh, slurmctld, slurmdbd, *slurmd = free_ports(5)
    return Site(
        name="cluster_c",
        base=base,
        nodes=("c1", "c2"),
        ports=Ports(ssh=ssh, slurmctld=slurmctld, slurmdbd=slurmdbd, slurmd=tuple(slurmd)),
        users=(ALICE,),
        settings=Settings(),
        memory_limits=False,
        root=debian.system(),
    )
