"""Commands through a login that OpenSSH keeps open already (ControlMaster): no login of our own, no questions."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from nemorun_discover.errors import ConnectionLost
from nemorun_discover.transport.process import KILLED, ProcessRemote
from nemorun_discover.transport.script import first_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nemorun_discover.executors.tunnels import SSHTunnel
    from nemorun_discover.transport.tunnel import Remote

_TIMEOUT_S = 10.0


def live_master(settings: SSHTunnel, name: str, env: Mapping[str, str]) -> Master | None:
    """The login to this host that OpenSSH keeps open; None when there is none."""
    ssh = shutil.which("ssh", path=env.get("PATH"))
    if ssh is None:
        return None
    path = _control_path([ssh, *_own_config(env), *_given(settings)], settings.host, env)
    if path is None or not path.is_socket():
        return None
    # No configuration any more: the master has the connection; and no way to make another one, should it end.
    argv = [ssh, "-F", "none", "-S", str(path), "-o", "ProxyCommand=false", "-o", "BatchMode=yes"]
    check = [*argv, "-O", "check", "--", settings.host]
    if _run(check, env).returncode != 0:
        return None
    return Master(name, path, [*argv, "-T", "--", settings.host], env)


class Master:
    """A `Connection` that is somebody else's: closing it leaves it open."""

    def __init__(self, name: str, path: Path, argv: list[str], env: Mapping[str, str]) -> None:
        self._name = name
        self._path = path
        self._argv = argv
        self._env = env

    @property
    def is_alive(self) -> bool:
        """See `Connection`. A master that was killed leaves a socket where nobody answers."""
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(_TIMEOUT_S)
            probe.connect(str(self._path))
            return True
        return False

    def start(self, command: str) -> Remote:
        """See `Connection`."""
        return ProcessRemote([*self._argv, command], self._env, check_end=self._check_end)

    def close(self) -> None:
        """See `Connection`."""

    def _check_end(self, code: int, stderr: bytes) -> None:
        """Raise ConnectionLost when an `ssh` ended for a reason of its own."""
        if code != KILLED:
            return
        if b"mux_client_" in stderr:
            said = first_line(stderr[stderr.index(b"mux_client_") :])
            raise ConnectionLost(f"{self._name}: the login that ssh keeps open: {said}")
        if not self.is_alive:
            raise ConnectionLost(f"{self._name}: the login that ssh kept open has ended")


def _control_path(argv: list[str], host: str, env: Mapping[str, str]) -> Path | None:
    """The socket's place, as ssh itself makes it out: its `%C` differs between versions."""
    for line in _run([*argv, "-G", "--", host], env).stdout.splitlines():
        key, _, value = line.partition(b" ")
        if key == b"controlpath" and value != b"none":
            return Path(os.fsdecode(value))
    return None


def _own_config(env: Mapping[str, str]) -> list[str]:
    """Where HOME is not the account's home, ssh has to be told where the configuration is."""
    home = env.get("HOME")
    if not home or Path(home) == Path(pwd.getpwuid(os.getuid()).pw_dir):
        return []
    return ["-F", f"{home}/.ssh/config"]


def _given(settings: SSHTunnel) -> list[str]:
    """What the tunnel's settings say over the configuration."""
    port = [] if settings.port is None else ["-p", str(settings.port)]
    return [*port, *([] if settings.user is None else ["-l", settings.user])]


def _run(argv: list[str], env: Mapping[str, str]) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(  # noqa: S603 - ssh, with words of its own
            argv,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return subprocess.CompletedProcess(argv, KILLED, b"", b"")
