"""Upstream before downstream, and otherwise as it was."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

from nemorun_discover.errors import CollectionError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from nemorun_discover.model.task import Task


def upstream_first(names: Sequence[str], after: Mapping[str, Iterable[str]]) -> list[str]:
    """The names, each after those it waits for; an order that is right already stays as it is.

    Args:
        names: Each once.
        after: What each waits for; names that are not among `names` do not count.

    Raises:
        CollectionError: Some wait for each other.
    """
    place = {name: index for index, name in enumerate(names)}
    waits = {name: {one for one in after.get(name, ()) if one in place} for name in names}
    downstream: dict[str, list[str]] = {}
    for name, upstream in waits.items():
        for one in upstream:
            downstream.setdefault(one, []).append(name)
    ready = [place[name] for name in names if not waits[name]]
    ordered: list[str] = []
    while ready:
        name = names[heapq.heappop(ready)]
        ordered.append(name)
        for waiting in downstream.get(name, ()):
            waits[waiting].discard(name)
            if not waits[waiting]:
                heapq.heappush(ready, place[waiting])
    if len(ordered) < len(names):
        rest = ", ".join(name for name in names if waits[name])
        raise CollectionError(f"these wait for each other: {rest}")
    return ordered


def with_dependencies(selected: Iterable[Task], all_tasks: Iterable[Task]) -> tuple[Task, ...]:
    """The selected tasks and all that they wait for, directly or not, upstream first."""
    chosen = list(selected)
    known = {task.id: task for task in (*chosen, *all_tasks)}
    wanted: dict[str, Task] = {}
    waiting = chosen
    while waiting:
        task = waiting.pop()
        if task.id not in wanted:
            wanted[task.id] = task
            waiting += [known[name] for name in task.after if name in known]
    names = [name for name in known if name in wanted]
    after = {name: task.after for name, task in wanted.items()}
    return tuple(wanted[name] for name in upstream_first(names, after))
