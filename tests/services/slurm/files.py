"""Everything of a cluster that lies on disk before its first machine is switched on."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

from tests.services.slurm import configuration, containers
from tests.services.slurm.torch_python import write_torch_python

if TYPE_CHECKING:
    from pathlib import Path

    from tests.services.slurm.layout import Site


def write_files(site: Site) -> None:
    """Write all of it; the folder of the cluster is new."""
    here = site.folder
    for name in (
        "slurm",
        "etc",
        "log",
        "state",
        "run",
        "spool",
        "home",
        "munge",
        "ssh",
        "dev",
        "proc",
        "images",
    ):
        (here / name).mkdir(parents=True, exist_ok=True)
    (here / "ssh" / "authorized_keys").mkdir(exist_ok=True)
    for name in ("state", "run", "log"):
        os.chown(here / name, site.ids_of("slurm")[0], -1)
    (here / "munge" / "key").write_bytes(os.urandom(1024))
    (here / "munge" / "key").chmod(0o600)
    for path in (here / "munge", here / "munge" / "key"):
        os.chown(path, *site.ids_of("munge"))
    for number in range(site.settings.gpus):
        os.mknod(here / "dev" / f"nvidia{number}", 0o20666, os.makedev(1, 3))
    _write_slurm(site)
    _write_etc(site)
    _write_users(site)
    write_torch_python(site)


def _write_slurm(site: Site) -> None:
    etc = site.slurm_conf.parent
    (etc / "plugstack.conf.d").mkdir(exist_ok=True)
    site.slurm_conf.write_text(configuration.slurm_conf(site))
    (etc / "gres.conf").write_text(configuration.gres_conf(site))
    (etc / "cgroup.conf").write_text(configuration.cgroup_conf(site))
    (etc / "plugstack.conf").write_text(f"include {etc}/plugstack.conf.d/*.conf\n")
    if site.root is None:
        plugin = shutil.copy(containers.plugin(), etc / "spank_pyxis.so")
        (etc / "plugstack.conf.d" / "pyxis.conf").write_text(f"required {plugin}\n")
    else:
        (etc / "job_submit.lua").write_text(configuration.JOB_SUBMIT_LUA)
    if site.has_accounting:
        secret = etc / "slurmdbd.conf"
        secret.touch(mode=0o600)
        os.chown(secret, site.ids_of("slurm")[0], -1)
        secret.write_text(configuration.slurmdbd_conf(site))


def _write_etc(site: Site) -> None:
    """What differs from our own /etc on the machines of the cluster."""
    etc, names = site.folder / "etc", ("passwd", "group", "shadow")
    texts = configuration.accounts(
        site, *(site.system(f"etc/{name}").read_text() for name in names)
    )
    for name, text in zip(names, texts, strict=True):
        (etc / name).touch(mode=0o640 if name == "shadow" else 0o644)
        (etc / name).write_text(text)
    os.chown(etc / "shadow", 0, site.system("etc/shadow").stat().st_gid)
    (etc / "hosts").write_text(configuration.hosts(site))


def _write_users(site: Site) -> None:
    for user in site.users:
        home = site.folder / "home" / user.name
        home.mkdir(mode=0o755, exist_ok=True)
        os.chown(home, user.uid, user.uid)
        key = site.base / "keys" / user.name
        shutil.copy(f"{key}.pub", site.folder / "ssh" / "authorized_keys" / user.name)
    host_key = site.folder / "ssh" / "hostkey"
    if not host_key.exists():
        make_key(host_key, site.name)


def make_key(path: Path, comment: str) -> None:
    """An ed25519 key without a passphrase."""
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path)]
    subprocess.run(command, check=True, capture_output=True)
