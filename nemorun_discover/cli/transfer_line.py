"""The line that a terminal shows while files come: bytes, rate, and what."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from nemorun_discover.cli.cells import cut_middle
from nemorun_discover.model.sizes import size_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nemorun_discover.cli.console import Channel, Console
    from nemorun_discover.schedulers.fetching import Transfer

_PAUSE_S = 0.1
_CLEAR = "\r\x1b[K"


def transfer_words(transfer: Transfer, elapsed_s: float) -> str:
    """`1.2 of 3.4 GB  45.0 MB/s  train@slurm_a: model.bin`. Pure."""
    done, total = size_words(transfer.done_bytes), size_words(transfer.total_bytes)
    rate = size_words(int(transfer.done_bytes / max(elapsed_s, _PAUSE_S)))
    return f"{done} of {total}  {rate}/s  {transfer.job}: {transfer.path}"


class TransferLine:
    """A `Drawing` of one line, on stderr."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._began = time.monotonic()
        self._drawn_at = float("-inf")
        self._is_stopped = False

    def tell(self, transfer: Transfer) -> None:
        """Draw it, ten times a second at most."""
        now = time.monotonic()
        if self._is_stopped or now - self._drawn_at < _PAUSE_S:
            return
        self._drawn_at = now
        text = self._channel.paint(((transfer_words(transfer, now - self._began), ""),))
        width = (self._channel.width or len(text)) - 1
        self._channel.verbatim(_CLEAR + cut_middle(text, width, self._channel.ellipsis))

    def stop(self) -> None:
        """Take it off the screen."""
        self._is_stopped = True
        self._channel.verbatim(_CLEAR)

    def start(self) -> None:
        """Draw it again, from the next piece on."""
        self._is_stopped = False


@contextmanager
def transfer_line(console: Console) -> Iterator[Callable[[Transfer], None]]:
    """Show how far files have come; what it yields is called with every piece. Only a terminal shows it."""
    if console.verbosity < 0 or not console.err.can_redraw:
        yield lambda _transfer: None
        return
    line = TransferLine(console.err)
    console.drawing = line
    try:
        yield line.tell
    finally:
        line.stop()
        console.drawing = None
