"""The tunnel that leads nowhere: scripts run on this machine, with the caller's environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nemorun_discover.transport.process import ProcessRemote
from nemorun_discover.transport.shell import ShellTunnel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nemorun_discover.transport.tunnel import Remote


class ThisMachine:
    """A `Connection` that always stands; /bin/sh is its login shell."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env

    is_alive = True

    def start(self, command: str) -> Remote:
        """See `Connection`."""
        return ProcessRemote(["/bin/sh", "-c", command], self._env)

    def close(self) -> None:
        """See `Connection`."""


def local_tunnel(env: Mapping[str, str]) -> ShellTunnel:
    """A tunnel to this machine."""
    return ShellTunnel(name="this machine", key="local", log_in=lambda: ThisMachine(env))
