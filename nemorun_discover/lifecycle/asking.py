"""A driver has no terminal: what a login asks goes to the command that started it, while that is there."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nemorun_discover.transport.tunnel import Ask, Prompts

PATIENCE_S = 300.0  # a person looks for a token
_LONGEST = 1 << 16


# A process has one terminal, or none.
_asker: list[Ask] = []


def set_asker(ask: Ask | None) -> None:
    """Say who puts questions to the user of this process; None where nobody can be asked."""
    _asker[:] = [] if ask is None else [ask]


def asker() -> Ask | None:
    """Who puts questions to the user of this process."""
    return _asker[0] if _asker else None


def answer_from_here() -> socket.socket | None:
    """The driver's end of a line on which its questions are put to this process's user; None where nobody is."""
    ask = asker()
    if ask is None:
        return None
    ours, theirs = socket.socketpair()
    threading.Thread(target=_serve, args=(ours, ask), name="prompts", daemon=True).start()
    return theirs


def _serve(line: socket.socket, ask: Ask) -> None:
    with suppress(OSError, ValueError), line, line.makefile("rw", encoding="utf-8") as file:
        for text in file:
            question = json.loads(text)
            answers = ask(
                question["title"], [(str(one), bool(echo)) for one, echo in question["prompts"]]
            )
            file.write(json.dumps(None if answers is None else list(answers)) + "\n")
            file.flush()


class AskElsewhere:
    """Asks whoever is at the other end of the line; nobody is when that process has ended.

    Args:
        descriptor: This end of it, an open socket.
    """

    def __init__(self, descriptor: int) -> None:
        self._line = socket.socket(fileno=descriptor)
        self._line.settimeout(PATIENCE_S)
        self._one_at_a_time = threading.Lock()

    def __call__(self, title: str, prompts: Prompts) -> Sequence[str] | None:
        """The answers; None when nobody is there to give them."""
        question = json.dumps({"title": title, "prompts": [list(one) for one in prompts]})
        with self._one_at_a_time:
            try:
                self._line.sendall(question.encode() + b"\n")
                return self._hear()
            except (OSError, ValueError):
                return None

    def _hear(self) -> Sequence[str] | None:
        heard = b""
        while not heard.endswith(b"\n") and len(heard) < _LONGEST:
            piece = self._line.recv(4096)
            if not piece:
                return None
            heard += piece
        answers = json.loads(heard)
        return None if answers is None else [str(one) for one in answers]
