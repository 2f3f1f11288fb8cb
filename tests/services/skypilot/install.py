"""What SkyPilot's Slurm is made of, made ready: Debian packages; nothing is started."""

from __future__ import annotations

import os

from tests.services.packages import install_packages

PACKAGES = [
    *("slurmctld", "slurmd", "slurm-client", "munge"),
    *("openssh-server", "openssh-client", "rsync", "curl"),
    *("python3", "python3-venv"),  # of the nodes
]


def install() -> None:
    """Install what is missing.

    Raises:
        PermissionError: We are not root.
    """
    if os.geteuid() != 0:
        raise PermissionError("only root can start the Slurm that SkyPilot is tried on")
    install_packages(PACKAGES)
