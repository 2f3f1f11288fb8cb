"""Which of several trained networks is the best, as a table."""

from __future__ import annotations

from typing import Any, NamedTuple


class Entry(NamedTuple):
    """One network: the settings it was trained with, and its metrics on held-out images."""

    settings: dict[str, Any]
    metrics: dict[str, float]


def rank(entries: list[Entry]) -> list[Entry]:
    """The entries, the most accurate first; the lower loss goes first among equals."""
    return sorted(entries, key=lambda entry: (-entry.metrics["accuracy"], entry.metrics["loss"]))


def draw_ranking(entries: list[Entry]) -> str:
    """The entries as text, in the order given; a setting that is None is left out."""
    lines = ["rank  accuracy    loss  settings"]
    for place, (settings, metrics) in enumerate(entries, start=1):
        said = " ".join(f"{name}={value}" for name, value in settings.items() if value is not None)
        lines.append(f"{place:4}  {metrics['accuracy']:8.4f}  {metrics['loss']:6.4f}  {said}")
    return "\n".join(lines)
