"""A command that runs as a process of this machine, behind pipes: /bin/sh itself, or `ssh` in our place."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

KEPT = 1 << 16  # of stderr
KILLED = 255  # the exit code of what a signal ended, as ssh has it
_LETS_GO_S = 0.1
_LAST_WORDS_S = 0.5


class Tail:
    """Reads a stream in a thread of its own, so that who writes there never waits, and keeps its end."""

    def __init__(self) -> None:
        self._kept = bytearray()
        self._thread: Thread | None = None

    def follow(self, read: Callable[[], bytes]) -> None:
        """Call this until it returns nothing."""
        self._thread = Thread(target=self._drain, args=(read,), daemon=True)
        self._thread.start()

    def text(self, wait_s: float = 0.0) -> bytes:
        """What is kept, once the stream has ended or that long has passed."""
        if self._thread is not None:
            self._thread.join(wait_s)
        return bytes(self._kept)

    def _drain(self, read: Callable[[], bytes]) -> None:
        while piece := read():
            self._kept += piece
            del self._kept[:-KEPT]


class ProcessRemote:
    """A `Remote` that is a process of this machine, with a session of its own.

    Args:
        argv: Its command.
        env: All of its environment.
        check_end: Called with its exit code and stderr when it has ended; may raise ConnectionLost.
    """

    def __init__(
        self,
        argv: Sequence[str],
        env: Mapping[str, str],
        check_end: Callable[[int, bytes], None] | None = None,
    ) -> None:
        self._check_end = check_end
        self._process = subprocess.Popen(  # noqa: S603 - argv is ours: /bin/sh or ssh
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(env),
            bufsize=0,
            start_new_session=True,
        )
        self._stderr = Tail()
        self._stderr.follow(self._read_stderr)

    def send(self, data: bytes) -> None:
        """See `Remote`."""
        view = memoryview(data)
        # A closed pipe, on either side: what it had to say is in its answer.
        with contextlib.suppress(BrokenPipeError, ValueError):
            while view and self._process.stdin is not None:
                view = view[self._process.stdin.write(view) or 0 :]

    def end_input(self) -> None:
        """See `Remote`."""
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()

    def read(self, size: int, timeout_s: float | None = None) -> bytes:
        """See `Remote`."""
        try:
            data = self._read_stdout(size, timeout_s)
        except ValueError:  # another thread has let go of it
            return b""
        if not data and self._check_end is not None:
            self.wait(timeout_s)
        return data

    def wait(self, timeout_s: float | None = None) -> int:
        """See `Remote`."""
        try:
            code = self._process.wait(timeout_s)
        except subprocess.TimeoutExpired as error:
            raise TimeoutError from error
        code = code if code >= 0 else KILLED
        if self._check_end is not None:
            self._check_end(code, self.stderr)
        return code

    @property
    def stderr(self) -> bytes:
        """See `Remote`."""
        has_ended = self._process.poll() is not None
        return self._stderr.text(_LAST_WORDS_S if has_ended else 0.0)

    def _read_stdout(self, size: int, timeout_s: float | None) -> bytes:
        stream = self._process.stdout
        if stream is None:
            return b""
        if timeout_s is not None:
            poll = select.poll()  # select() itself ends at 1,024 descriptors
            poll.register(stream, select.POLLIN)
            if not poll.poll(timeout_s * 1000):
                raise TimeoutError
        return stream.read(size) or b""

    def _read_stderr(self) -> bytes:
        stream = self._process.stderr
        piece = stream.read(KEPT) if stream is not None else None
        if not piece and stream is not None:
            stream.close()
        return piece or b""

    def close(self) -> None:
        """See `Remote`."""
        for number in (None, signal.SIGTERM, signal.SIGKILL):
            if number is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self._process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_LETS_GO_S)
                break
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        self._stderr.text(_LETS_GO_S)
