"""Talking with a script over there: its beginning is found, its answer read, its end understood."""

from __future__ import annotations

import contextlib
import time
from threading import Thread
from typing import TYPE_CHECKING, Self

from nemorun_discover.errors import ConnectionLost, ExecutorRefused
from nemorun_discover.transport.script import first_line
from nemorun_discover.transport.tunnel import Answer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nemorun_discover.transport.tunnel import Remote

_CHUNK = 1 << 16
_MOST_NOISE = 1 << 20
_LAST_WORDS_S = 2.0  # for what comes on other ways than the output: stderr, the exit code


class Conversation:
    """A script that runs over there; leaving the `with` block lets go of it.

    The first that reads waits until the script has begun, and raises ExecutorRefused when no shell ran it.
    Each raises ConnectionLost when the connection breaks, and when nothing moves for the time given.
    """

    def __init__(self, remote: Remote, name: str, token: str, timeout_s: float) -> None:
        self._remote = remote
        self._name = name
        self._token = token.encode()
        self._timeout_s = timeout_s
        self._buffer = bytearray()
        self._searched = 0
        self._has_begun = False
        self._code: int | None = None
        self._feeder: Thread | None = None
        self._fed = 0
        self._feeding_failed: Exception | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, data: bytes) -> None:
        """Write to the script's input; blocks while it takes none."""
        self._remote.send(data)

    def end_input(self) -> None:
        """End the script's input."""
        self._remote.end_input()

    def feed(self, data: bytes | Iterable[bytes]) -> None:
        """Write all this to the script's input and end it, while the caller reads on."""
        pieces = _pieces(data) if isinstance(data, bytes) else data
        self._feeder = Thread(target=self._feed, args=(pieces,), daemon=True)
        self._feeder.start()

    def read_line(self) -> bytes | None:
        """The next line, without its end; None when the script has written all there is."""
        while (place := self._buffer.find(b"\n")) < 0 and self._code is None:
            self._read_on()
        if place < 0:
            return self._take(len(self._buffer)) or None
        line = self._take(place)
        del self._buffer[:1]
        self._searched = 0
        return line

    def read_exactly(self, size: int) -> bytes:
        """As many bytes of its output.

        Raises:
            ExecutorRefused: The script ended before that.
        """
        while len(self._buffer) < size and self._code is None:
            self._read_on()
        if len(self._buffer) < size:
            raise ExecutorRefused(
                f"{self._name}: the script ended (exit {self._code}) before its answer was whole{self._why()}"
            )
        return self._take(size)

    def finish(self) -> Answer:
        """All that is still to be read, up to the end of the script."""
        while self._code is None:
            self._read_on()
        output = self._take(len(self._buffer))
        self._hear_stderr_out()
        self.close()
        if self._feeding_failed is not None:
            raise self._feeding_failed
        return Answer(code=self._code, output=output, stderr=self.stderr)

    @property
    def stderr(self) -> bytes:
        """What the script wrote there so far, without what was printed before it."""
        whole = self._remote.stderr
        _, found, own = whole.partition(b"\n" + self._token + b"\n")
        return (own if found else whole).partition(b"\n" + self._token + b".\n")[0]

    def close(self) -> None:
        """Let go of the script, and of what feeds it."""
        self._remote.close()
        if self._feeder is not None:
            self._feeder.join()

    def _feed(self, pieces: Iterable[bytes]) -> None:
        try:
            for piece in pieces:
                self._remote.send(piece)
                self._fed += len(piece)
            self._remote.end_input()
        except (ExecutorRefused, OSError) as error:
            # A lost connection shows in what is read, too; a source that failed shows at the end.
            if not isinstance(error, ConnectionLost):
                self._feeding_failed = error
                self._remote.close()

    def _read_on(self) -> None:
        """Read some more; the script's beginning or its end may be in it."""
        if not self._has_begun:
            self._begin()
            return
        if not self._fill():
            if self._feeding_failed is not None:
                raise self._feeding_failed
            raise ConnectionLost(
                f"{self._name}: the script was cut off before its answer was whole{self._why()}"
            )
        self._look_for_end()

    def _begin(self) -> None:
        """Wait for the mark before the script's output, and drop what was printed before it."""
        mark = b"\n" + self._token + b"\n"
        while (place := self._buffer.find(mark)) < 0:
            if len(self._buffer) > _MOST_NOISE or not self._fill():
                raise self._nothing_ran()
        del self._buffer[: place + len(mark)]
        self._has_begun = True
        self._look_for_end()

    def _fill(self) -> bool:
        """Read whatever comes next; False at the end of it."""
        while True:
            before = self._fed
            try:
                piece = self._remote.read(_CHUNK, self._timeout_s)
            except TimeoutError as error:
                if self._fed > before:
                    continue
                self._remote.close()
                raise ConnectionLost(
                    f"{self._name}: no answer for {self._timeout_s:g} s"
                ) from error
            self._buffer += piece
            return bool(piece)

    def _look_for_end(self) -> None:
        """Find the mark after the script's output: the exit code, and a line break before it that is ours."""
        mark = self._token + b" "
        place = self._buffer.find(mark, self._searched)
        end = self._buffer.find(b"\n", place) if place >= 0 else -1
        if end < 0:
            self._searched = max(0, len(self._buffer) - len(mark)) if place < 0 else place
            return
        self._code = int(self._buffer[place + len(mark) : end])
        del self._buffer[place:]
        if self._buffer.endswith(b"\n"):
            del self._buffer[-1:]

    def _take(self, size: int) -> bytes:
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        self._searched = max(0, self._searched - size)
        return taken

    def _hear_stderr_out(self) -> None:
        """Wait for the mark on stderr: the two streams come in any order."""
        until = time.monotonic() + _LAST_WORDS_S
        while self._token + b".\n" not in self._remote.stderr and time.monotonic() < until:
            time.sleep(0.002)

    def _why(self) -> str:
        """The last thing that the script said on stderr."""
        if self._code is not None:
            self._hear_stderr_out()
        said = first_line(*reversed(self.stderr.splitlines()))
        return f": {said}" if said else ""

    def _nothing_ran(self) -> ExecutorRefused:
        """What to say of a login shell that did not come to the script."""
        code: int | None = None
        with contextlib.suppress(TimeoutError):
            code = self._remote.wait(_LAST_WORDS_S)
        printed = first_line(bytes(self._buffer), self._remote.stderr)
        self._remote.close()
        said = f"it printed {printed!r}" if printed else "it printed nothing"
        ended = "" if code is None else f" and ended with exit code {code}"
        return ExecutorRefused(
            f"{self._name}: the login shell ran no command: {said}{ended}",
            hint="try: ssh ... /bin/sh -c true; shell and pre_command of the tunnel can name another shell",
        )


def _pieces(data: bytes) -> Iterable[bytes]:
    view = memoryview(data)
    return (bytes(view[at : at + _CHUNK]) for at in range(0, len(view), _CHUNK))
