"""Tunnels: how a cluster's login node is reached. Settings only; transport/ connects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from nemorun_discover.executors.settings import at_least


@dataclass(kw_only=True, slots=True)
class Tunnel:
    """What every tunnel has.

    Attributes:
        job_dir: Directory that jobs are staged in, on the machine the tunnel leads to; None for `.run` in
            the home directory there (LocalTunnel: NEMORUN_HOME).
    """

    kind: ClassVar[str] = ""

    job_dir: str | None = None


@dataclass(kw_only=True, slots=True)
class LocalTunnel(Tunnel):
    """This machine is the login node: commands run here."""

    kind: ClassVar[str] = "local"


@dataclass(kw_only=True, slots=True)
class SSHTunnel(Tunnel):
    """A login node reached over SSH; `~/.ssh/config` applies to everything that is not given here.

    Attributes:
        host: Host name, address, or a `Host` of the ssh configuration.
        user: User there; None for the ssh configuration's, else the caller's name.
        port: Port there; None for the ssh configuration's, else 22.
        identity: Private key file; None for the ssh configuration's, the agent's and the default keys.
        host_keys: "strict" refuses a host that `known_hosts` does not list; "accept-new" adds it the
            first time. A key that has changed is refused by both.
        shell: Shell that runs commands there (`bash -l`); None for the user's login shell.
        pre_command: Shell code before every command there (`module load slurm`).
        connect_timeout_s: Seconds until a connection must stand.
        keepalive_s: Seconds between two signs of life on an idle connection; 0 sends none.
    """

    kind: ClassVar[str] = "ssh"

    host: str
    user: str | None = None
    port: int | None = at_least(1, None)
    identity: str | None = None
    host_keys: Literal["strict", "accept-new"] = "strict"
    shell: str | None = None
    pre_command: str | None = None
    connect_timeout_s: float = at_least(0, 10.0)
    keepalive_s: float = at_least(0, 30.0)
