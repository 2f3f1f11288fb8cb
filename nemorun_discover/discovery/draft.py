"""The cells that one task becomes: the product of its values, with what is wrong with each.

Mistakes are kept, not raised: `-k` can only be asked once the values are there, and a mistake in a cell
that it leaves out is nobody's.
"""

from __future__ import annotations

import itertools
import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nemorun_discover.discovery.cell import Cell
from nemorun_discover.discovery.label import Varied, labels, pairs_of
from nemorun_discover.discovery.rows import fixed_row, texts_for, varying_rows
from nemorun_discover.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nemorun_discover.discovery.arguments import Assignment
    from nemorun_discover.discovery.rows import Row
    from nemorun_discover.model.task import Json, Task

# More jobs than any scheduler takes at once: a slip in a sweep, found before it fills the memory.
MOST_JOBS = 100_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """A cell, and what keeps it from being launched."""

    cell: Cell
    problems: tuple[UsageError, ...] = ()


def drafts_of(task: Task, assignments: Sequence[Assignment]) -> list[Draft]:
    """The cells of the task; equal ones once.

    Args:
        task: Its `parametrize` multiply, the last one varying fastest.
        assignments: The whole command line's; those of other tasks and parameters do not count here.

    Raises:
        UsageError: A list of values cannot be split, or the product is absurdly large.
    """
    groups = varying_rows(task, texts_for(task, assignments))
    count = math.prod(map(len, groups))
    if count > MOST_JOBS:
        raise UsageError(f"{task.name} would become {count} jobs, more than {MOST_JOBS}")
    fixed = fixed_row(task, (name for group in groups for row in group[:1] for name in row.values))
    cases = _distinct(itertools.product(*groups)) if groups else [()]
    places = {parameter.name: index for index, parameter in enumerate(task.params)}
    names = labels([_varied(case, places) for case in cases]) if groups else [""]
    return [_draft(task, case, fixed, label) for case, label in zip(cases, names, strict=True)]


def _distinct(cases: itertools.product[tuple[Row, ...]]) -> list[tuple[Row, ...]]:
    """The cases, each set of values once."""
    found: dict[str, tuple[Row, ...]] = {}
    for case in cases:
        found.setdefault(json.dumps(_values(case), sort_keys=True), case)
    return list(found.values())


def _values(case: Sequence[Row]) -> dict[str, Json]:
    return {name: value for row in case for name, value in row.values.items()}


def _varied(case: Sequence[Row], places: Mapping[str, int]) -> list[Varied]:
    """What varies, in the order of the signature; a row with a label of its own stays together."""
    found: list[tuple[int, Varied]] = []
    for row in case:
        parts = [row.values] if row.id else [{name: value} for name, value in row.values.items()]
        found += [
            (min(places.get(name, -1) for name in values), Varied(values=values, id=row.id))
            for values in parts
        ]
    return [varied for _, varied in sorted(found, key=lambda pair: pair[0])]


def _draft(task: Task, case: Sequence[Row], fixed: Row, label: str) -> Draft:
    varied = _values(case)
    values = fixed.values | varied
    cell = Cell(
        task=task,
        params={one.name: values[one.name] for one in task.params if one.name in values},
        label=label,
        pairs=pairs_of(varied),
    )
    return Draft(cell=cell, problems=tuple(p for row in (fixed, *case) for p in row.problems))
