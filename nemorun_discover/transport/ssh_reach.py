"""Getting to a host: sockets, the hosts on the way, and what every failure means in one sentence."""

from __future__ import annotations

import socket
import subprocess
import time
from contextlib import ExitStack, closing
from threading import Thread
from typing import TYPE_CHECKING

from paramiko import ChannelException
from paramiko.ssh_exception import IncompatiblePeer

from nemorun_discover.errors import ConnectionLost, ExecutorRefused
from nemorun_discover.transport.ssh_login import authenticate, check_host_key, known_entries
from nemorun_discover.transport.ssh_wire import BREAKS, Wire

if TYPE_CHECKING:
    from paramiko import Channel

    from nemorun_discover.transport.ssh_config import Hop
    from nemorun_discover.transport.ssh_keys import Keyring

_PATIENCE_S = 12.0  # for a port that accepts and says nothing, however long the connection may take


def reach(hop: Hop, keyring: Keyring, timeout_s: float) -> list[Wire]:
    """Log in to a host and to every host on the way.

    Returns:
        The connections, nearest first; the last one is the host's.

    Raises:
        ConnectionLost: It cannot be reached now.
        LoginNeeded: Somebody has to be asked, and nobody is there.
        ExecutorRefused: It will not do by itself.
    """
    timeout_s = timeout_s or _PATIENCE_S
    wires: list[Wire] = []
    with ExitStack() as unless_it_stands, closing(keyring):
        for one in (*hop.jumps, hop):
            through = _channel(wires[-1], one, timeout_s) if wires else _socket(one, timeout_s)
            wire = _greeted(one, through, min(timeout_s, _PATIENCE_S))
            unless_it_stands.callback(wire.close)
            wires.append(wire)
            authenticate(wire, one, keyring)
        unless_it_stands.pop_all()
    return wires


def _greeted(hop: Hop, through: socket.socket | Channel, patience_s: float) -> Wire:
    """The connection, with its keys exchanged and the host's own key checked."""
    known = known_entries(hop)
    began = time.monotonic()
    wire = Wire(through, [one.kind for one in known if not one.marker], patience_s)
    try:
        wire.start_client(timeout=2 * patience_s)
        shown = wire.get_remote_server_key()
        check_host_key(hop, known, shown.get_name(), shown.asbytes())
    except IncompatiblePeer as error:
        wire.close()
        raise ExecutorRefused(f"{hop.name}: no common way to encrypt: {error}") from error
    except BREAKS as error:
        wire.close()
        through.close()
        waited = time.monotonic() - began
        if waited >= patience_s:
            raise ConnectionLost(
                f"{hop.name}: it accepts connections, but said nothing for {waited:.0f} s"
            ) from error
        raise ConnectionLost(
            f"{hop.name}: what answers there is no SSH server, or it hung up at once",
            hint="check host and port of the tunnel",
        ) from error
    except ExecutorRefused:
        wire.close()
        raise
    return wire


def _socket(hop: Hop, timeout_s: float) -> socket.socket:
    """A TCP connection, or the ProxyCommand in its place."""
    if hop.proxy_command is not None:
        return _proxied(hop.proxy_command)
    try:
        connection = socket.create_connection((hop.host, hop.port), timeout_s)
    except socket.gaierror as error:
        kind = ConnectionLost if error.errno == socket.EAI_AGAIN else ExecutorRefused
        raise kind(
            f"{hop.name}: there is no host of the name {hop.host}",
            hint="check host of the tunnel and HostName in ~/.ssh/config",
        ) from error
    except ConnectionRefusedError as error:
        raise ConnectionLost(
            f"{hop.name}: nothing listens there on port {hop.port}",
            hint="check port of the tunnel, and whether sshd runs there",
        ) from error
    except TimeoutError as error:
        raise ConnectionLost(f"{hop.name}: no answer within {timeout_s:g} s") from error
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConnectionLost(f"{hop.name}: it cannot be reached: {reason}") from error
    # With Nagle's algorithm a command takes 48 ms, without it 4 ms: the other side delays its ACK.
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def _proxied(command: str) -> socket.socket:
    """One end of a pair of sockets; a process has the other one for its input and output."""
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(  # noqa: S602 - ssh_config(5): the user's own line, for the user's shell
            f"exec {command}", shell=True, stdin=theirs.fileno(), stdout=theirs.fileno()
        )
    Thread(target=process.wait, daemon=True).start()
    return ours


def _channel(wire: Wire, hop: Hop, timeout_s: float) -> Channel:
    """A channel of the host before it, which connects from there."""
    try:
        return wire.open_channel(
            "direct-tcpip", (hop.host, hop.port), ("127.0.0.1", 0), timeout=timeout_s
        )
    except ChannelException as error:
        raise ConnectionLost(
            f"{hop.name}: the host before it does not connect to it: {error.text}",
            hint="check HostName, Port and ProxyJump in ~/.ssh/config",
        ) from error
    except BREAKS as error:
        raise ConnectionLost(f"{hop.name}: the connection to the host before it broke") from error
