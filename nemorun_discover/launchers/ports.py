"""Ports for the processes of one job, so that two jobs of a node do not meet. Python 3.9.

The range lies below the ports that kernels hand out to outgoing connections (32768 to 60999 on Linux) and
below Kubernetes' node ports (30000 to 32767), and holds neither of torchrun's own (29400, 29500).
"""

from __future__ import annotations

import socket
from binascii import crc32

FIRST_PORT = 20000
PORT_COUNT = 8191  # a prime: keys that differ in one letter spread


def port_of(key: str) -> int:
    """The port of a job: the same on all its nodes, from 20000 to 28190."""
    return FIRST_PORT + crc32(key.encode("utf-8", "surrogateescape")) % PORT_COUNT


def free_port(key: str) -> int:
    """The first port from the job's own one on that nobody listens on at this moment.

    Raises:
        OSError: None of the range is free.
    """
    start = port_of(key) - FIRST_PORT
    ports = [FIRST_PORT + (start + step) % PORT_COUNT for step in range(PORT_COUNT)]
    for port in ports:
        if _is_free(port):
            return port
    raise OSError(f"no port from {ports[0]} on is free")


def _is_free(port: int) -> bool:
    with socket.socket() as one:
        # Without it, a connection of an earlier job that is still being taken down would count.
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind(("", port))
        except OSError:
            return False
    return True
