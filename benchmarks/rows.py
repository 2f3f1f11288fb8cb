"""The table: one row a measurement, with the target it is held against."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Against(Enum):
    """What a target limits."""

    PEER = "ours divided by the peer's"
    PEER_PLUS = "ours minus the peer's, in seconds"
    CLOCK = "ours, in seconds"


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One measurement; times are medians.

    Attributes:
        name: What was done.
        ours_s: What nemorun took.
        at_most: The target, in the unit of `against`.
        peer: What the same was done with; "" where the target is absolute.
        peer_s: What the peer took; 0 without a peer.
    """

    name: str
    ours_s: float
    against: Against
    at_most: float
    peer: str = ""
    peer_s: float = 0.0

    @property
    def is_met(self) -> bool:
        """True when the measured value is within the target."""
        measured = {
            Against.PEER: self.ours_s / self.peer_s if self.peer_s else 0.0,
            Against.PEER_PLUS: self.ours_s - self.peer_s,
            Against.CLOCK: self.ours_s,
        }
        return measured[self.against] <= self.at_most


def markdown(rows: Iterable[Row]) -> str:
    """The rows as a Markdown table."""
    lines = ["| name | ours | peer | ratio | target | ok? |", "|---|---:|---:|---:|---|---|"]
    lines += [f"| {' | '.join(_cells(row))} |" for row in rows]
    return "\n".join(lines)


def _cells(row: Row) -> tuple[str, ...]:
    peer = f"{row.peer} {_time(row.peer_s)}" if row.peer else ""
    ratio = f"{row.ours_s / row.peer_s:.2f}" if row.peer else ""
    ok = "yes" if row.is_met else "**no**"
    return (row.name, _time(row.ours_s), peer, ratio, _target(row), ok)


def _target(row: Row) -> str:
    if row.against is Against.PEER:
        return f"<= {row.at_most:g} x"
    if row.against is Against.PEER_PLUS:
        return f"<= {_time(row.at_most)} over"
    return f"< {_time(row.at_most)}"


def _time(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.2f} s"
