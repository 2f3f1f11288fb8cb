"""Tunnels over SSH by paramiko: the way over every jump, and commands that run at its end."""

from __future__ import annotations

import contextlib
import logging
import time
from typing import TYPE_CHECKING

from paramiko import ChannelException

from nemorun_discover.errors import ConnectionLost
from nemorun_discover.transport.openssh import live_master
from nemorun_discover.transport.process import KEPT, KILLED, Tail
from nemorun_discover.transport.shell import ShellTunnel
from nemorun_discover.transport.ssh_config import resolve
from nemorun_discover.transport.ssh_keys import Keyring
from nemorun_discover.transport.ssh_reach import reach
from nemorun_discover.transport.ssh_wire import BREAKS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from paramiko import Channel

    from nemorun_discover.executors.tunnels import SSHTunnel
    from nemorun_discover.transport.ssh_config import Hop
    from nemorun_discover.transport.ssh_wire import Wire
    from nemorun_discover.transport.tunnel import Ask, Connection, Remote

# sshd releases a closed channel a little later (MaxSessions 10).
_CHANNEL_PAUSES_S = (0.05, 0.1, 0.2, 0.4, 0.8)

# What paramiko has to say of a connection that broke, with a traceback, is said by our errors.
logging.getLogger("paramiko").addHandler(logging.NullHandler())


def ssh_tunnel(settings: SSHTunnel, env: Mapping[str, str], ask: Ask | None) -> ShellTunnel:
    """The tunnel of these settings; nothing is sent before it is used.

    Raises:
        ConfigError: The ssh configuration cannot be read.
    """
    hop = resolve(settings, env)
    keyring = Keyring(env, ask)

    def log_in() -> Connection:
        master = live_master(settings, hop.name, env) if hop.shares else None
        if master is not None:
            return master
        wires = reach(hop, keyring, settings.connect_timeout_s)
        wires[-1].watch(settings.keepalive_s)
        return SshConnection(hop, wires)

    return ShellTunnel(
        name=hop.name,
        key=":".join(("ssh", *(one.name for one in (hop, *reversed(hop.jumps))))),
        log_in=log_in,
        shell=settings.shell,
        pre_command=settings.pre_command,
    )


class SshConnection:
    """A `Connection`: the last wire runs the commands, the ones before it carry it."""

    def __init__(self, hop: Hop, wires: list[Wire]) -> None:
        self._hop = hop
        self._wires = wires

    @property
    def is_alive(self) -> bool:
        """See `Connection`."""
        return all(wire.is_active() for wire in self._wires)

    def start(self, command: str) -> Remote:
        """See `Connection`."""
        return ChannelRemote(self._hop.name, self._wires[-1], self._open(command))

    def close(self) -> None:
        """See `Connection`."""
        for wire in reversed(self._wires):
            wire.close()

    def _open(self, command: str) -> Channel:
        for pause in (*_CHANNEL_PAUSES_S, None):
            try:
                return self._wires[-1].start_command(command)
            except ChannelException as error:
                if pause is None:
                    raise ConnectionLost(
                        f"{self._hop.name}: the host opens no more channels on this connection: {error.text}"
                    ) from error
                time.sleep(pause)
            except BREAKS as error:
                raise ConnectionLost(f"{self._hop.name}: the connection broke") from error
        raise AssertionError  # the last pause is None


class ChannelRemote:
    """A `Remote` that is a channel of a connection."""

    def __init__(self, name: str, wire: Wire, channel: Channel) -> None:
        self._name = name
        self._wire = wire
        self._channel = channel
        self._stderr = Tail()
        self._stderr.follow(self._read_stderr)

    def send(self, data: bytes) -> None:
        """See `Remote`."""
        view = memoryview(data)
        while view:
            try:
                view = view[self._channel.send(view) :]
            except TimeoutError:  # the time allowed to a reader in another thread
                continue
            except BREAKS as error:
                if not self._has_ended():
                    raise self._broken() from error
                return

    def end_input(self) -> None:
        """See `Remote`."""
        try:
            self._channel.shutdown_write()
        except BREAKS as error:
            if not self._has_ended():
                raise self._broken() from error

    def read(self, size: int, timeout_s: float | None = None) -> bytes:
        """See `Remote`."""
        self._channel.settimeout(timeout_s)
        try:
            data: bytes = self._channel.recv(size)
        except TimeoutError:
            raise
        except BREAKS as error:
            raise self._broken() from error
        if not data and not self._has_ended():
            raise self._broken()
        return data

    def wait(self, timeout_s: float | None = None) -> int:
        """See `Remote`."""
        if not self._channel.status_event.wait(timeout_s):
            raise TimeoutError
        code = int(self._channel.exit_status)
        if code < 0 and not self._wire.is_active():
            raise self._broken()
        return code if code >= 0 else KILLED

    @property
    def stderr(self) -> bytes:
        """See `Remote`."""
        return self._stderr.text(0.5 if self._channel.exit_status_ready() else 0.0)

    def close(self) -> None:
        """See `Remote`."""
        with contextlib.suppress(*BREAKS):
            self._channel.close()

    def _read_stderr(self) -> bytes:
        data = b""
        with contextlib.suppress(*BREAKS):
            while True:
                with contextlib.suppress(TimeoutError):
                    data = self._channel.recv_stderr(KEPT)
                    break
        return data

    def _has_ended(self) -> bool:
        """Whether it was the command that closed the channel, and not the connection that broke."""
        return bool(self._channel.eof_received or self._channel.exit_status >= 0)

    def _broken(self) -> ConnectionLost:
        return ConnectionLost(f"{self._name}: the connection broke")
