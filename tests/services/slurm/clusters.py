"""Two real Slurm clusters on this machine: started, found again by other processes, and stopped."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.services.slurm import configuration, daemons, files
from tests.services.slurm.cluster import Cluster
from tests.services.slurm.database import start_database
from tests.services.slurm.layout import ALICE, BOB, Ports, Settings, Site, read_sites, write_sites
from tests.services.slurm.machine import Machine
from tests.services.slurm.ports import free_ports

ROOT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True, kw_only=True, slots=True)
class Clusters:
    """Both clusters.

    Attributes:
        base: The folder of all that belongs to them.
        a: Two nodes, accounting, two users.
        b: Three nodes, no accounting.
    """

    base: Path
    a: Cluster
    b: Cluster

    @property
    def both(self) -> tuple[Cluster, Cluster]:
        """For loops and parametrized tests."""
        return self.a, self.b

    def give_ssh(self, home: Path) -> None:
        """Write ~/.ssh of a home so that `ssh cluster_a` and `ssh cluster_b` work."""
        folder = home / ".ssh"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        sites = [cluster.site for cluster in self.both]
        (folder / "config").write_text(configuration.ssh_config(sites, folder))
        (folder / "known_hosts").write_text("".join(map(known_host, sites)))
        key = folder / "id_nemorun_tests"
        shutil.copy(self.base / "keys" / ALICE.name, key)
        key.chmod(0o600)


def default_base() -> Path:
    """The folder of this checkout's clusters."""
    name = hashlib.sha256(str(ROOT).encode()).hexdigest()[:8]
    return Path(tempfile.gettempdir(), f"nemorun-slurm-{name}")


def start(base: Path | None = None, settings: Settings | None = None) -> Clusters:
    """Both clusters, started unless they run; all their nodes are idle."""
    base = base or default_base()
    if is_running(base):
        return load(base)
    stop(base)
    base.mkdir(mode=0o755, parents=True)
    (base / "keys").mkdir()
    for user in (ALICE, BOB):
        files.make_key(base / "keys" / user.name, user.name)
    sites = plan(base, settings or Settings())
    write_sites(base / "starting.json", sites)
    try:
        with ThreadPoolExecutor() as pool:
            list(pool.map(start_site, sites))
    except BaseException:
        stop(base, keep=True)  # its logs tell what was wrong
        raise
    (base / "starting.json").rename(base / "running.json")
    clusters = load(base)
    clusters.give_ssh(base / "client")
    return clusters


def plan(base: Path, settings: Settings) -> list[Site]:
    """Both clusters on paper, with ports that nothing uses now."""
    ports = iter(free_ports(5 + 6))
    limits = can_limit_memory()
    shared = {"base": base, "settings": settings, "memory_limits": limits}
    a = Ports(
        ssh=next(ports),
        slurmctld=next(ports),
        slurmdbd=next(ports),
        slurmd=(next(ports), next(ports)),
    )
    b = Ports(
        ssh=next(ports),
        slurmctld=next(ports),
        slurmdbd=None,
        slurmd=tuple(next(ports) for _ in range(3)),
    )
    return [
        Site(name="cluster_a", nodes=("a1", "a2"), ports=a, users=(ALICE, BOB), **shared),
        Site(name="cluster_b", nodes=("b1", "b2", "b3"), ports=b, users=(ALICE,), **shared),
    ]


def start_site(site: Site) -> None:
    """One cluster of a plan: its files, its machines, its daemons; all its nodes are idle."""
    files.write_files(site)
    daemons.start_login(site)
    with ThreadPoolExecutor() as pool:
        nodes = [pool.submit(daemons.switch_on, site, name) for name in site.nodes]
        if site.has_accounting:
            start_database(site)
            daemons.start_slurmdbd(site)
            _open_accounts(site)
        daemons.start_slurmctld(site)
        for node in nodes:
            node.result()
        list(pool.map(lambda name: daemons.start_slurmd(site, name), site.nodes))
        daemons.start_sshd(site, site.ports.ssh)
    Cluster(site=site).until_idle(20)


def _open_accounts(site: Site) -> None:
    users = ",".join(user.name for user in site.users)
    commands = f"""add cluster {site.name}
add account research Description=tests Organization=tests
add user {users},root Account=research
quit
"""
    variables = {"SLURM_CONF": str(site.slurm_conf)}
    site.login.run(["sacctmgr", "-i", "-Q"], environment=variables, stdin=commands)


def is_running(base: Path) -> bool:
    """Whether both clusters were started, and not stopped (a node may be off, for a test)."""
    try:
        sites = read_sites(base / "running.json")
    except FileNotFoundError:
        return False
    return all(site.login.pid for site in sites)


def load(base: Path | None = None) -> Clusters:
    """The clusters that another process started."""
    base = base or default_base()
    a, b = (Cluster(site=site) for site in read_sites(base / "running.json"))
    return Clusters(base=base, a=a, b=b)


def stop(base: Path | None = None, *, keep: bool = False) -> None:
    """End every process of both clusters, jobs too, and remove what they left.

    Args:
        base: The clusters' folder.
        keep: Keep the folder, for its logs.
    """
    base = base or default_base()
    for name in ("running.json", "starting.json"):
        if (base / name).exists():
            for site in read_sites(base / name):
                stop_site(site)
            (base / name).unlink()
    if base.exists() and not keep:
        shutil.rmtree(base)


def stop_site(site: Site) -> None:
    """End every process of one cluster."""
    with ThreadPoolExecutor() as pool:
        list(pool.map(Machine.unplug, _machines(site)))
    daemons.remove_cgroups(site)


def _machines(site: Site) -> list[Machine]:
    return [*map(site.node, site.nodes), site.login]


def can_limit_memory() -> bool:
    """Whether this machine has the cgroups (version 1) that Slurm's limits need, and we may use them."""
    try:
        for controller in daemons.CONTROLLERS:
            probe = daemons.CGROUPS / controller / "nemorun-probe"
            probe.mkdir(exist_ok=True)
            is_cgroup = (probe / "tasks").exists()
            probe.rmdir()
            if not is_cgroup:
                return False
    except OSError:
        return False
    return True


def known_host(site: Site) -> str:
    """The line of known_hosts for the login node."""
    kind, key, *_ = (site.folder / "ssh" / "hostkey.pub").read_text().split()
    return f"[127.0.0.1]:{site.ports.ssh} {kind} {key}\n"
