"""From a tunnel's settings to the tunnel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nemorun_discover.executors.tunnels import SSHTunnel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nemorun_discover.executors.tunnels import Tunnel as Settings
    from nemorun_discover.transport.tunnel import Ask, Tunnel


def open_tunnel(settings: Settings, env: Mapping[str, str], ask: Ask | None = None) -> Tunnel:
    """The tunnel; it connects when it is first used.

    Args:
        settings: Where it leads, and how.
        env: The caller's environment: HOME (for `~/.ssh`), SSH_AUTH_SOCK, and what scripts on this machine get.
        ask: Asks the user; None in the background, where a login that has to ask raises LoginNeeded.

    Raises:
        ConfigError: The ssh configuration cannot be read.
    """
    load_tunnel(settings)
    if isinstance(settings, SSHTunnel):
        from nemorun_discover.transport.ssh import ssh_tunnel  # noqa: PLC0415 - only what is used

        return ssh_tunnel(settings, env, ask)
    from nemorun_discover.transport.local import local_tunnel  # noqa: PLC0415 - likewise

    return local_tunnel(env)


def load_tunnel(settings: Settings) -> None:
    """Import what this tunnel takes, which is much for SSH: paramiko is 100 ms."""
    if isinstance(settings, SSHTunnel):
        from nemorun_discover.transport.ssh_lean import import_paramiko  # noqa: PLC0415

        import_paramiko()
