"""Which tasks, and which of their jobs, paths, node ids and expressions select."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nemorun_discover.discovery.names import did_you_mean, nearest, one_of
from nemorun_discover.errors import NothingSelected, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from nemorun_discover.discovery.arguments import Arguments, NodeId
    from nemorun_discover.discovery.keyword import Expression
    from nemorun_discover.model.task import Task

LIST_HINT = "nemorun list shows every task"


def select_tasks(
    tasks: Sequence[Task], arguments: Arguments, *, tags: Expression | None = None
) -> tuple[Task, ...]:
    """The tasks that lie under a path or have one of the node ids, and whose tags match `-m`.

    Args:
        tasks: All tasks; their order is kept.
        arguments: Without paths and node ids every task is selected.
        tags: Each word of it is a whole tag.

    Raises:
        UsageError: A node id names no task, or its bare name means several.
        NothingSelected: No task is left.
    """
    if not tasks:
        raise NothingSelected(
            "no task was found", hint="mark a function with @nemorun.task, or run nemorun init"
        )
    named = {task.id for node_id in arguments.node_ids for task in [_named(node_id, tasks)]}
    chosen = tuple(
        task for task in tasks if task.id in named or lies_under(task.file, arguments.paths)
    )
    if not arguments.node_ids and not arguments.paths:
        chosen = tuple(tasks)
    if not chosen:
        raise NothingSelected(f"no task in {one_of(arguments.paths)}", hint=LIST_HINT)
    return chosen if tags is None else _tagged(chosen, tags)


def lies_under(file: str, paths: Iterable[str]) -> bool:
    """Whether the file is one of the paths, or in a directory that is."""
    return any(path in (".", file) or file.startswith(f"{path}/") for path in paths)


def means(node_id: NodeId, task: Task) -> bool:
    """Whether the node id names the task, whatever it says of label and executor."""
    if node_id.file is None:
        return task.name == node_id.name
    return task.id == f"{node_id.file}::{node_id.name}" or (
        task.file == node_id.file and task.name == node_id.name
    )


def no_task_matches(expression: Expression, candidates: Iterable[str]) -> NothingSelected:
    """The error for an expression that selects nothing, with the nearest of the candidates."""
    names = list(candidates)
    near = dict.fromkeys(
        name for word in expression.words for name in nearest(word.removeprefix("="), names)
    )
    listed = f"; the nearest: {', '.join(list(near)[:5])}" if near else ""
    return NothingSelected(
        f"no task matches {expression.option} {expression.text!r}{listed}", hint=LIST_HINT
    )


def _named(node_id: NodeId, tasks: Sequence[Task]) -> Task:
    found = [task for task in tasks if means(node_id, task)]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(
            f"{node_id.text!r} means {len(found)} tasks: {', '.join(task.id for task in found)}",
            hint="write the file before it",
        )
    rivals = [task.name for task in tasks if node_id.file in (None, task.file)]
    place = "no task is named" if node_id.file is None else f"{node_id.file} has no task"
    # With no task of that file at all, the nearest may stand in another one.
    suggestion = did_you_mean(node_id.name, rivals or [task.id for task in tasks])
    raise UsageError(f"{place} {node_id.name!r}{suggestion}", hint=LIST_HINT)


def _tagged(tasks: tuple[Task, ...], tags: Expression) -> tuple[Task, ...]:
    chosen = tuple(task for task in tasks if tags.matches(task.tags.__contains__))
    if not chosen:
        raise no_task_matches(tags, (tag for task in tasks for tag in task.tags))
    return chosen
