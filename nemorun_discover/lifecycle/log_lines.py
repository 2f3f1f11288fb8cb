"""Which lines of a log are wanted: by a regular expression, by the process that wrote them. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nemorun_discover.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nemorun_discover.lifecycle.logs import LogPiece

# srun --label writes `3: text`, padded to one width; SkyPilot's nodes `[1] text`; torchrun's --tee `[default3]:text`,
# where the number is the process's among all, and may follow that of the node.
_LABEL = re.compile(
    rb"\s*(?:(?:\d+: ?|\[\d+\]:? ?)?\[(?:default|rank)(\d+)\]:? ?|(\d+): ?|\[(\d+)\]:? ?)"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What is wanted; a field that is None asks for nothing.

    Attributes:
        pattern: Is searched for in the line, without the number of its process when `rank` is given.
        rank: The number of the process, as the log has it at the beginning of its lines.
    """

    pattern: re.Pattern[str] | None = None
    rank: int | None = None

    @property
    def is_all(self) -> bool:
        """True when every line is wanted."""
        return self.pattern is None and self.rank is None


def wanted_of(grep: str | None, rank: int | None) -> Wanted:
    """What `--grep` and `--rank` ask for.

    Raises:
        UsageError: The expression is none.
    """
    try:
        return Wanted(pattern=None if grep is None else re.compile(grep), rank=rank)
    except re.error as error:
        raise UsageError(
            f"--grep {grep!r} is no regular expression: {error}",
            hint="put a backslash before characters that mean themselves: ( ) [ ] * + ? . | ^ $",
        ) from error


def pick_lines(lines: Iterable[LogPiece], wanted: Wanted) -> Iterator[LogPiece]:
    """The lines that are wanted, as they are."""
    return (line for line in lines if is_wanted(line.text, wanted))


def is_wanted(line: bytes, wanted: Wanted) -> bool:
    """Whether a line is wanted."""
    text = line
    if wanted.rank is not None:
        label = _LABEL.match(line)
        if label is None or int(label[label.lastindex or 0]) != wanted.rank:
            return False
        text = line[label.end() :]
    return wanted.pattern is None or bool(wanted.pattern.search(text.decode(errors="replace")))
