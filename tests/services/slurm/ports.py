"""Ports of this machine that nothing uses."""

from __future__ import annotations

import random
import socket

# Below what the kernel gives to outgoing connections (32768), so a stopped daemon's port stays free.
_CHOICE = range(20000, 32000)


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nothing listens on; most likely not those of the last call."""
    ports = random.sample(_CHOICE, len(_CHOICE))
    free = (port for port in ports if not listens(port))
    return [next(free) for _ in range(count)]


def listens(port: int | None) -> bool:
    """Whether something accepts connections there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
