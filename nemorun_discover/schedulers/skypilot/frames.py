"""A job's log as SkyPilot streams it: the job's own lines, and the marked ones that hold what it left. Pure."""

from __future__ import annotations

import base64
import binascii
import re
from collections import defaultdict
from hashlib import sha256

LARGEST_OUTPUTS_BYTES = 32 * 1024 * 1024
_TOKEN_LENGTH = 12
# "(setup pid=1757)", "(name, pid=1831)", "(head, rank=0, pid=1)", "(worker1, rank=1, pid=2, ip=10.0.0.2)":
# skylet/executor/slurm.py and backends/task_codegen.py of SkyPilot 0.14; what lacks it is SkyPilot's own.
_PREFIX = re.compile(
    rb"^(?:\x1b\[[0-9;]*m)*"
    rb"\((?:setup |[^()]*?, )?(?:rank=(?P<rank>\d+), )?(?:setup )?pid=\d+(?:, ip=[^()]*)?\)"
    rb"(?:\x1b\[[0-9;]*m)* ?"
)


def mark_of(name: str) -> str:
    """What begins every marked line of the job with this name; nobody writes it by chance."""
    return f"::nemorun-{sha256(name.encode()).hexdigest()[:_TOKEN_LENGTH]}"


class JobStream:
    """Takes SkyPilot's stream apart; the same stream always gives the same bytes.

    Args:
        name: The job's name at SkyPilot.
        nodes: Its nodes; with several, every line of the log says whose it is.
    """

    def __init__(self, name: str, *, nodes: int = 1) -> None:
        self._mark = mark_of(name).encode()
        self._has_ranks = nodes > 1
        self._skip = 0
        self._rest = b""
        self._frames: dict[tuple[int, str], list[bytes]] = defaultdict(list)

    def skip(self, known: int) -> None:
        """So many bytes of the log are kept already, from an earlier reading of the stream."""
        self._skip = known

    def feed(self, chunk: bytes) -> bytes:
        """Take the next bytes of the stream; returns what is new of the log."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        return self._new(b"".join(self._line(one) for one in lines))

    def finish(self) -> bytes:
        """The stream has ended: what was left of an unfinished line."""
        rest, self._rest = self._rest, b""
        return self._new(self._line(rest)) if rest else b""

    def frame(self, node: int, kind: str) -> bytes | None:
        """What a node left of one kind; None when it left none, or not all of it arrived."""
        pieces = self._frames.get((node, kind))
        if pieces is None:
            return None
        try:
            return b"".join(base64.b64decode(one, validate=True) for one in pieces)
        except binascii.Error:
            return None

    def nodes_with(self, kind: str) -> list[int]:
        """The nodes that left something of this kind, in order."""
        return sorted(node for node, one in self._frames if one == kind)

    def _line(self, line: bytes) -> bytes:
        """The line as it stands in the log; empty for SkyPilot's own and for marked ones."""
        prefix = _PREFIX.match(line)
        if prefix is None:
            return b""
        text = line[prefix.end() :]
        before, mark, marked = text.partition(self._mark + b" ")
        if mark:
            self._take(marked)
            if not before:
                return b""
            text = before
        rank = prefix.group("rank")
        whose = b"[%s] " % rank if self._has_ranks and rank is not None else b""
        return whose + text + b"\n"

    def _take(self, marked: bytes) -> None:
        words = marked.split()
        if len(words) == 3 and words[0].isdigit():  # noqa: PLR2004 - node, kind, data
            self._frames[int(words[0]), words[1].decode("ascii", "replace")].append(words[2])

    def _new(self, text: bytes) -> bytes:
        skipped = min(self._skip, len(text))
        self._skip -= skipped
        return text[skipped:]
