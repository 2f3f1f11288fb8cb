"""What the clusters are made of, made ready: packages, a plugin, images; nothing is started."""

from __future__ import annotations

import os

from tests.services.packages import install_packages
from tests.services.slurm import containers, database, debian

PACKAGES = [
    "slurmctld",
    "slurmd",
    "slurm-client",
    "munge",
    "openssh-server",
    "openssh-client",
    "slurmdbd",  # of cluster_a, with the two below
    "mariadb-server",
    "slurm-wlm-mysql-plugin",
    "python3",  # of the nodes
    "libslurm-dev",  # to build the container plugin, with the two below
    "gcc",
    "libc6-dev",
    "debootstrap",  # the system of cluster_c, with the next one
    "debian-archive-keyring",
    "busybox-static",  # of the container image that has no Python
]


def install() -> None:
    """Install and build what is missing; a fraction of a second when nothing is.

    Raises:
        PermissionError: We are not root.
    """
    if os.geteuid() != 0:
        raise PermissionError("only root can install Slurm and start its clusters")
    install_packages(PACKAGES)
    containers.plugin()
    containers.images()
    database.template()
    debian.system()
