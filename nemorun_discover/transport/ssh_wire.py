"""One SSH connection as paramiko makes it, with what paramiko lacks: signs of life, and a quick start of commands."""

from __future__ import annotations

import contextlib
import time
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

from paramiko import Message, SSHException, Transport
from paramiko.common import cMSG_CHANNEL_REQUEST, cMSG_GLOBAL_REQUEST
from paramiko.packet import Packetizer

if TYPE_CHECKING:
    import socket

    from paramiko import Channel

# What paramiko raises when a connection breaks, wherever that is noticed.
BREAKS = (SSHException, EOFError, OSError)

# AES-GCM is one pass where CTR with an HMAC is two, in C either way.
_CIPHERS_FIRST = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com")
_RSA = ("rsa-sha2-512", "rsa-sha2-256")


class _Listener(Packetizer):  # type: ignore[misc] # paramiko has no types
    """Knows when the other side was last heard."""

    heard_at = 0.0

    def read_message(self) -> Any:  # noqa: ANN401 - paramiko's own pair
        message = super().read_message()
        self.heard_at = time.monotonic()
        return message

    def close(self) -> None:
        """Let go of what it went through; a connection that carried this one may have broken before it."""
        with contextlib.suppress(*BREAKS):
            super().close()


class Wire(Transport):  # type: ignore[misc] # paramiko has no types
    """An SSH connection over a socket.

    Args:
        sock: What it goes through: a TCP connection, or a channel of another one.
        known_kinds: Kinds of host keys that are known of the host: it is asked for one of these first.
        patience_s: Longest time for the other side's greeting, and for the exchange of keys.
    """

    def __init__(
        self, sock: socket.socket | Channel, known_kinds: list[str], patience_s: float
    ) -> None:
        super().__init__(sock, packetizer_class=_Listener)
        self.banner_timeout = self.handshake_timeout = self.auth_timeout = patience_s
        self.channel_timeout = patience_s
        self._is_over = Event()
        options = self.get_security_options()
        wanted = [name for kind in known_kinds for name in (_RSA if kind == "ssh-rsa" else (kind,))]
        options.key_types = _first(wanted, options.key_types)
        options.ciphers = _first(_CIPHERS_FIRST, options.ciphers)

    def start_command(self, command: str) -> Channel:
        """Run a command in a channel of its own; one round trip, since its answer shows whether it runs."""
        channel = self.open_session()
        message = Message()
        message.add_byte(cMSG_CHANNEL_REQUEST)
        message.add_int(channel.remote_chanid)
        message.add_string("exec")
        message.add_boolean(False)  # noqa: FBT003 - no reply wanted
        message.add_string(command)
        self._send_user_message(message)
        return channel

    def watch(self, keepalive_s: float) -> None:
        """Send a sign of life after that long in silence, and break the connection after twice as long.

        paramiko's own keep-alive asks for no answer, so that it never notices a dead peer.
        """
        if keepalive_s > 0:
            self.packetizer.heard_at = time.monotonic()
            self.packetizer.set_keepalive(keepalive_s, self._ask_for_life)
            Thread(target=self._listen, args=(keepalive_s,), daemon=True).start()

    def close(self) -> None:
        """End it, and its threads."""
        self._is_over.set()
        # Saying goodbye through a connection that broke fails, also when it is another one that carries this.
        with contextlib.suppress(*BREAKS):
            super().close()

    def _ask_for_life(self) -> None:
        message = Message()
        message.add_byte(cMSG_GLOBAL_REQUEST)
        message.add_string("keepalive@openssh.com")
        message.add_boolean(True)  # noqa: FBT003 - a reply, even a refusal, is what is wanted
        self._send_message(message)

    def _listen(self, keepalive_s: float) -> None:
        while not self._is_over.wait(keepalive_s / 4) and self.is_active():
            if time.monotonic() - self.packetizer.heard_at > 2 * keepalive_s:
                self.close()


def _first(wanted: list[str] | tuple[str, ...], known: tuple[str, ...]) -> tuple[str, ...]:
    """All that is known, what is wanted first."""
    front = [one for one in wanted if one in known]
    return (*front, *(one for one in known if one not in front))
