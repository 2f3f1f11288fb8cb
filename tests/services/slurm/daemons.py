"""Starting the machines of a cluster, and each daemon on them."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.services.slurm import configuration, containers
from tests.services.slurm.machine import until
from tests.services.slurm.ports import listens
from tests.services.slurm.torch_python import torch_mounts

if TYPE_CHECKING:
    from tests.services.slurm.layout import Site
    from tests.services.slurm.machine import Machine

_CHECKOUT = Path(__file__).resolve().parents[3]
CGROUPS = Path("/sys/fs/cgroup")
CONTROLLERS = ("memory", "freezer")


def start_login(site: Site) -> None:
    """The login node, with munged; the other machines of the cluster have its mounts."""
    here, slurm = site.folder, site.slurm_conf.parent
    setup = [
        f"mount --bind /proc {here}/proc",
        f"mount --bind -o ro {containers.images()} {here}/images",
        *(torch_mounts(site) if site.root is None else _enter_system(site, site.root)),
        "mount -t tmpfs -o mode=755,size=512m tmpfs /run",
        "mkdir /run/sshd /run/mysqld && chown mysql /run/mysqld",
        # The whole folder: a mount on /etc/passwd alone is gone when useradd renames a new one to it.
        "cp --archive /etc /run/etc",
        f"cp --archive {here}/etc/. /run/etc/",
        "mount --bind /run/etc /etc",
        *([f"mount --bind {slurm} /etc/slurm"] if site.finds_slurm_conf else []),
        f"mount --bind {here}/home /home",
        "mount --make-rshared /",
    ]
    site.login.start("\n".join(setup), proc=Path("/proc"))
    start_munged(site)


def _enter_system(site: Site, root: Path) -> list[str]:
    """The machine's files are those of `root`, which stays as it is; the cluster's own folder is at its usual path.

    Not by chroot: nsenter, which runs every later command, would be outside of it.
    """
    system, base = shlex.quote(str(root)), shlex.quote(str(site.base))
    return [
        f"mount --bind {system} {system}",
        f"cd {system}",
        "mount --rbind /dev dev",
        "mount --rbind /sys sys",
        "mount -t tmpfs -o mode=1777,size=512m tmpfs tmp",
        "mount -t tmpfs -o mode=1777,size=512m tmpfs var/tmp",
        f"mkdir -p .{base}",
        f"mount --rbind {base} .{base}",
        "mount -o remount,bind,ro .",
        "mount -t tmpfs tmpfs run",
        "mkdir run/before",
        "pivot_root . run/before",
        "cd /",
        "mount -t proc proc /proc",
        "umount --lazy /run/before",
        "umount /run",
    ]


def start_munged(site: Site) -> None:
    """munged, with the cluster's own key."""
    here = site.folder
    munged = ["munged", f"--key-file={here}/munge/key", f"--socket={here}/munge/socket"]
    places = [f"--{name}-file={here}/munge/{name}" for name in ("pid", "log", "seed")]
    as_munge = ["setpriv", "--reuid=munge", "--regid=munge", "--clear-groups"]
    site.login.run([*as_munge, *munged, *places, "--num-threads=8"])


def start_slurmdbd(site: Site) -> None:
    """slurmdbd, which answers when this returns; MariaDB runs already."""
    _run_slurm(site, site.login, "slurmdbd")
    _until_listening(site.ports.slurmdbd, site.folder / "log" / "slurmdbd.log")


def start_slurmctld(site: Site) -> None:
    """slurmctld, which answers when this returns."""
    _run_slurm(site, site.login, "slurmctld")
    _until_listening(site.ports.slurmctld, site.folder / "log" / "slurmctld.log")


def start_node(site: Site, name: str) -> None:
    """A compute node with slurmd."""
    switch_on(site, name)
    start_slurmd(site, name)


def switch_on(site: Site, name: str) -> None:
    """A compute node, on which nothing runs yet."""
    machine, here = site.node(name), site.folder
    own = machine.folder
    for folder in ("tmp", "var-tmp"):
        (own / folder).mkdir(parents=True, exist_ok=True)
        (own / folder).chmod(0o1777)
    setup = [
        "mount -t tmpfs -o mode=755,size=256m tmpfs /run",
        f"mount --bind {own}/var-tmp /var/tmp",
        *([] if site.finds_slurm_conf else [f"mount --bind {site.slurm_conf.parent} /etc/slurm"]),
        *_cgroup_mounts(site, name),
        *_private_tmp(site, own),
    ]
    machine.start("\n".join(setup), inside=site.login, proc=here / "proc")


def _private_tmp(site: Site, own: Path) -> list[str]:
    """/tmp is the node's own; only what the cluster shares, and this checkout with its Python, is seen in it."""
    if not site.settings.private_tmp:
        return []
    setup = []
    for shared in {site.base, _CHECKOUT, Path(sys.prefix), Path(sys.base_prefix)}:
        if shared.is_relative_to("/tmp"):
            seen = shlex.quote(str(own / "tmp" / shared.relative_to("/tmp")))
            setup += [f"mkdir -p {seen}", f"mount --rbind {shlex.quote(str(shared))} {seen}"]
    return [*setup, f"mount --rbind {own}/tmp /tmp"]


def _cgroup_mounts(site: Site, node: str) -> list[str]:
    """Below /sys/fs/cgroup the node sees a branch of its own."""
    if not site.memory_limits:
        return []
    branches = [CGROUPS / name / f"{site.tag}-{node}" for name in CONTROLLERS]
    for branch in branches:
        branch.mkdir(exist_ok=True)
    return [f"mount --bind {branch} {branch.parent}" for branch in branches]


def start_slurmd(site: Site, node: str) -> None:
    """The slurmd of a node that is on; it listens when this returns."""
    _run_slurm(site, site.node(node), "slurmd", "-N", node)
    port = site.ports.slurmd[site.nodes.index(node)]
    _until_listening(port, site.folder / "log" / f"slurmd-{node}.log")


def start_sshd(site: Site, port: int, extra: str = "") -> None:
    """An sshd of the login node; `extra` are lines of sshd_config that come first."""
    file = site.folder / "ssh" / f"sshd_config-{port}"
    file.write_text(configuration.sshd_config(site, port, extra))
    log = site.folder / "log" / f"sshd-{port}.log"
    site.login.run(["/usr/sbin/sshd", "-f", str(file), "-E", str(log)])
    _until_listening(port, log)


def remove_cgroups(site: Site) -> None:
    """Take away the branches of the cluster's nodes, which are off."""
    for controller in CONTROLLERS:
        for branch in (CGROUPS / controller).glob(f"{site.tag}-*"):
            for folder, _, _ in os.walk(branch, topdown=False):
                until(lambda folder=folder: _removed(folder), 5, f"{folder} stays")


def _removed(folder: str) -> bool:
    try:
        Path(folder).rmdir()
    except FileNotFoundError:
        return True
    except OSError:  # busy: the kernel is still taking the last process away
        return False
    return True


def _run_slurm(site: Site, machine: Machine, *command: str) -> None:
    machine.run(command, environment={"SLURM_CONF": str(site.slurm_conf)})


def _until_listening(port: int | None, log: Path) -> None:
    until(lambda: listens(port), 30, f"nothing listens on {port}", log=log)
