"""Where output goes: stdout is the answer, stderr is progress and hints."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any, Protocol

from nemorun_discover.cli import terminal
from nemorun_discover.cli.asking import ask_on_terminal
from nemorun_discover.cli.boundary import abandon
from nemorun_discover.cli.sanitise import json_safe, spelled, visible
from nemorun_discover.errors import UsageError
from nemorun_discover.lifecycle.asking import set_asker

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import TextIO

    from nemorun_discover.cli.settings import Settings

# A text and the name of its style; a line is several of them.
Span = tuple[str, str]
Line = tuple[Span, ...]

# Colours that can be read on a light and on a dark background; nothing is said by colour alone.
_SGR = {"good": "32", "bad": "1;31", "busy": "36", "odd": "35", "bold": "1"}


class Channel:
    """One output stream and what it can show.

    Attributes:
        color: Styles are written as colours.
        unicode: The encoding holds more than ASCII.
        can_redraw: Lines can be drawn again in place.
        is_terminal: A person looks at it: what others wrote may not control it.
        is_closed: The reader has gone (`| head`); what is written vanishes, and the command goes on to
            its exit code.
    """

    def __init__(self, stream: TextIO, *, color: str, env: Mapping[str, str]) -> None:
        self._stream = stream
        self._env = env
        self.color = terminal.wants_color(color, stream, env)
        self.unicode = terminal.speaks_unicode(stream)
        self.can_redraw = terminal.can_redraw(stream, env)
        self.is_terminal = terminal.is_terminal(stream)
        self.is_closed = False

    @property
    def width(self) -> int | None:
        """Columns of the terminal, now; None for a pipe or a file, where nothing is cut."""
        return terminal.width_of(self._stream, self._env)

    @property
    def height(self) -> int:
        """Lines of the terminal, now."""
        return terminal.height_of(self._stream)

    @property
    def ellipsis(self) -> str:
        """What stands for text that was cut."""
        return "…" if self.unicode else "..."

    def paint(self, line: Line) -> str:
        """The line as it is written: with colours, where they are wanted."""
        return "".join(self._paint(*span) for span in line)

    def line(self, *spans: Span | str) -> None:
        """Write one line."""
        self.lines([tuple((span, "") if isinstance(span, str) else span for span in spans)])

    def lines(self, lines: Iterable[Line]) -> None:
        """Write lines."""
        self.verbatim("".join(f"{self.paint(line)}\n" for line in lines))

    def text(self, text: str) -> None:
        """Write text that others have a say in, and flush: exactly into a pipe or a file.

        On a terminal control characters are spelled out: a parameter or a diff with ESC in it could
        otherwise change the window's title, hide lines, or have the terminal type an answer.
        """
        self.verbatim(spelled(text) if self.is_terminal else text)

    def verbatim(self, text: str) -> None:
        """Write text as it is, and flush: our own control sequences, and what jobs print."""
        self._write(lambda: self._stream.write(text))

    def raw(self, content: bytes) -> None:
        """Write bytes as they are, and flush: the log of a job."""
        self._write(lambda: self._stream.buffer.write(content))

    def _write(self, write: Any) -> None:  # noqa: ANN401 - what a stream's write returns differs
        if self.is_closed:
            return
        try:
            write()
            self._stream.flush()
        except BrokenPipeError:
            self.is_closed = True
            abandon(self._stream)
        except OSError as error:
            abandon(self._stream)
            raise UsageError(f"the output cannot be written ({error.strerror})") from error

    def _paint(self, text: str, style: str) -> str:
        text = visible(text)
        return f"\x1b[{_SGR[style]}m{text}\x1b[0m" if style and text and self.color else text


class Drawing(Protocol):
    """A picture that is drawn again and again, and stops while something is asked."""

    def stop(self) -> None:
        """Take it off the screen."""
        ...

    def start(self) -> None:
        """Draw it again."""
        ...


class Console:
    """The two channels of a command, and how much it may say.

    Attributes:
        drawing: What is drawn on stderr now; None for nothing.
    """

    def __init__(self, out: Channel, err: Channel, *, verbosity: int = 0) -> None:
        self.out = out
        self.err = err
        self.verbosity = verbosity
        self.drawing: Drawing | None = None

    def note(self, *spans: Span | str) -> None:
        """Write a line of progress or a hint on stderr, unless `-q` was given."""
        if self.verbosity >= 0:
            self.err.line(*spans)

    def document(self, document: Mapping[str, Any]) -> None:
        """Write a JSON document on stdout, indented."""
        from nemorun_discover.store.indenting import indented  # noqa: PLC0415 - for those who ask for JSON

        self.out.verbatim(indented(self._encode(document)) + "\n")

    def stream_document(self, document: Mapping[str, Any]) -> None:
        """Write a JSON document on one line of stdout."""
        self.out.verbatim(self._encode(document) + "\n")

    def _encode(self, document: Mapping[str, Any]) -> str:
        encoded = json.dumps(document, ensure_ascii=not self.out.unicode)
        return json_safe(encoded) if self.out.is_terminal else encoded


def open_console(settings: Settings) -> Console:
    """The console of this process."""
    out = Channel(sys.stdout, color=settings.color, env=os.environ)
    err = Channel(sys.stderr, color=settings.color, env=os.environ)
    console = Console(out, err, verbosity=settings.verbosity)
    set_asker(ask_on_terminal(console))
    return console
