"""A tunnel over any kind of connection: it logs in when needed, and runs scripts below the login shell."""

from __future__ import annotations

from contextlib import ExitStack
from threading import Lock
from typing import TYPE_CHECKING

from nemorun_discover.errors import ConnectionLost
from nemorun_discover.transport.conversation import Conversation
from nemorun_discover.transport.script import after, below, carried, framed, login_line, new_token

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from nemorun_discover.transport.tunnel import Answer, Connection, Remote


class ShellTunnel:
    """A `Tunnel`.

    Args:
        name: For messages.
        key: See `Tunnel.key`.
        log_in: Makes the connection.
        shell: A shell to run scripts below; None for the login shell.
        pre_command: Code for that shell before every command.
    """

    def __init__(
        self,
        *,
        name: str,
        key: str,
        log_in: Callable[[], Connection],
        shell: str | None = None,
        pre_command: str | None = None,
    ) -> None:
        self.name = name
        self.key = key
        self._log_in = log_in
        self._shell = shell
        self._pre_command = pre_command
        self._connection: Connection | None = None
        self._logging_in = Lock()

    @property
    def is_connected(self) -> bool:
        """See `Tunnel`."""
        return self._connection is not None and self._connection.is_alive

    def connect(self) -> None:
        """See `Tunnel`."""
        self._connected()

    def start(self, command: str) -> Remote:
        """See `Tunnel`."""
        return self._start(below(self._shell, after(self._pre_command, command)))

    def converse(self, script: str, token: str, timeout_s: float) -> Conversation:
        """See `Tunnel`."""
        line = login_line(self._shell, self._pre_command)
        conversation = Conversation(self._start(line), self.name, token, timeout_s)
        with ExitStack() as unless_it_is_sent:
            unless_it_is_sent.callback(conversation.close)
            conversation.send(carried(framed(script, token), self._shell, self._pre_command))
            unless_it_is_sent.pop_all()
        return conversation

    def run(self, script: str, data: bytes | Iterable[bytes] = b"", *, timeout_s: float) -> Answer:
        """See `Tunnel`."""
        with self.converse(script, new_token(), timeout_s) as conversation:
            conversation.feed(data)
            return conversation.finish()

    def close(self) -> None:
        """See `Tunnel`."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _connected(self) -> Connection:
        with self._logging_in:
            if self._connection is None or not self._connection.is_alive:
                self.close()
                self._connection = self._log_in()
            return self._connection

    def _start(self, command: str) -> Remote:
        is_old = self.is_connected
        try:
            return self._connected().start(command)
        except ConnectionLost:
            if not is_old:
                raise
        # It broke unnoticed, as when a laptop slept, and nothing was started: once more, from the login on.
        self.close()
        return self._connected().start(command)
