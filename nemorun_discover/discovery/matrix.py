"""Cells times executors: where each cell runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nemorun_discover.discovery.executor_names import match_executors
from nemorun_discover.errors import NothingSelected

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nemorun_discover.discovery.cell import Cell


def on_executors(
    cells: Sequence[Cell],
    *,
    available: Sequence[str],
    default: Sequence[str],
    patterns: Sequence[str] = (),
) -> tuple[tuple[Cell, str], ...]:
    """Each cell with each of its executors.

    Args:
        cells: Their order is kept.
        available: The names that exist.
        default: For tasks that name none themselves.
        patterns: `-e`; over the task's own executors.

    Raises:
        UsageError: A plain name does not exist.
        NothingSelected: A pattern matches nothing, or an id ends in an executor that `-e` leaves out.
    """
    chosen = match_executors(available, patterns)
    return tuple(
        (cell, name) for cell in cells for name in _executors_of(cell, available, default, chosen)
    )


def _executors_of(
    cell: Cell, available: Sequence[str], default: Sequence[str], chosen: Sequence[str]
) -> Sequence[str]:
    if not cell.executors:
        own = f"executors of task {cell.task.name}"
        return chosen or match_executors(available, cell.task.executors or default, where=own)
    named = match_executors(available, cell.executors)
    kept = [name for name in named if not chosen or name in chosen]
    if not kept:
        raise NothingSelected(f"-e leaves out {cell.id}@{named[0]}")
    return kept
