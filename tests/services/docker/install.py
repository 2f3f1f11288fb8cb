"""What the engine is made of, made ready: packages and images; nothing is started."""

from __future__ import annotations

import os

from tests.services.docker import images
from tests.services.packages import install_packages

PACKAGES = [
    "docker.io",
    "iptables",
    "iproute2",  # brings up the loopback device of the engine's name space
    "busybox-static",  # of the images without Python
]


def install() -> None:
    """Install and build what is missing; a fraction of a second when nothing is.

    Raises:
        PermissionError: We are not root.
    """
    if os.geteuid() != 0:
        raise PermissionError("only root can install Docker and start its engine")
    install_packages(PACKAGES)
    images.build()
