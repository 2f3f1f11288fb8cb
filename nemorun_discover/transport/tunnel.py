"""What a way to another machine offers: a login, commands over there, scripts with framed answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from nemorun_discover.transport.conversation import Conversation

Prompts = Sequence[tuple[str, bool]]
"""What is asked, and whether the answer may be seen while it is typed."""

Ask = Callable[[str, Prompts], Sequence[str] | None]
"""Asks the user: a title and prompts to answers; None when nobody is there to answer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What a script over there left.

    Attributes:
        code: Its exit code.
        output: All that it wrote to its output, and nothing that others wrote there.
        stderr: What it wrote there, its last 64 KiB.
    """

    code: int
    output: bytes
    stderr: bytes


class Remote(Protocol):
    """A command that runs over there."""

    def send(self, data: bytes) -> None:
        """Write to its input; blocks while it takes none. Nothing happens when it has ended.

        Raises:
            ConnectionLost: The connection broke.
        """
        ...

    def end_input(self) -> None:
        """End its input."""
        ...

    def read(self, size: int, timeout_s: float | None = None) -> bytes:
        """Some of its output, as soon as there is any; empty at its end.

        Raises:
            ConnectionLost: The connection broke.
            TimeoutError: There was none for that long.
        """
        ...

    def wait(self, timeout_s: float | None = None) -> int:
        """Its exit code, once it has ended; 255 when a signal ended it.

        Raises:
            ConnectionLost: The connection broke before it was told.
            TimeoutError: It did not end for that long.
        """
        ...

    @property
    def stderr(self) -> bytes:
        """What it wrote there so far, the last 64 KiB; somebody always reads it."""
        ...

    def close(self) -> None:
        """Let go of it, whether or not it has ended."""
        ...


class Connection(Protocol):
    """A login that stands."""

    @property
    def is_alive(self) -> bool:
        """False once it is known to be broken or closed."""
        ...

    def start(self, command: str) -> Remote:
        """Run a command line in the login shell.

        Raises:
            ConnectionLost: It broke; the command was not started.
        """
        ...

    def close(self) -> None:
        """End it, with everything that runs through it."""
        ...


class Tunnel(Protocol):
    """A way to another machine, or to this one; it connects when it is first used."""

    @property
    def name(self) -> str:
        """For messages: `alice@login.cluster-a:22`, or `this machine`."""
        ...

    @property
    def key(self) -> str:
        """The same for two tunnels that lead to the same account, by the same way."""
        ...

    @property
    def is_connected(self) -> bool:
        """Whether there is a login that is not known to be broken."""
        ...

    def connect(self) -> None:
        """Log in, unless that is done.

        Raises:
            ConnectionLost: It cannot be reached now.
            LoginNeeded: Somebody has to be asked, and nobody is there.
            ExecutorRefused: It will not do by itself: a wrong key, an unknown host.
        """
        ...

    def start(self, command: str) -> Remote:
        """Run a command line in the login shell; logs in first, also again after the connection broke.

        Raises:
            ExecutorRefused: As for `connect`.
        """
        ...

    def converse(self, script: str, token: str, timeout_s: float) -> Conversation:
        """Run a POSIX sh script over there, and talk with it.

        Args:
            script: It may read its input; what it writes is for the caller.
            token: Unlike anything that may be printed over there: `new_token()`.
            timeout_s: Longest time without a sign of life, in either direction.

        Raises:
            ExecutorRefused: As for `connect`. What becomes of the script shows when it is read.
        """
        ...

    def run(self, script: str, data: bytes | Iterable[bytes] = b"", *, timeout_s: float) -> Answer:
        """Run a POSIX sh script over there, with data as its input, however much there is both ways.

        Raises:
            ExecutorRefused: As for `connect`; or no shell ran it over there. Its exit code is an answer, no error.
        """
        ...

    def close(self) -> None:
        """End the login; using it again makes another."""
        ...
