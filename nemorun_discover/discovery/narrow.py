"""Which cells the ids on the command line mean, by label and executor."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from nemorun_discover.discovery.names import did_you_mean, shortened
from nemorun_discover.discovery.select import lies_under, means
from nemorun_discover.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nemorun_discover.discovery.arguments import Arguments, NodeId
    from nemorun_discover.discovery.cell import Cell
    from nemorun_discover.discovery.draft import Draft


def narrow(drafts: Sequence[Draft], arguments: Arguments) -> list[Draft]:
    """The drafts that a path or an id means; all of them when there is no id.

    Raises:
        UsageError: An id's label is that of no cell of its task.
    """
    if not arguments.node_ids:
        return list(drafts)
    for node_id in arguments.node_ids:
        _refuse_unknown_label(node_id, [draft.cell for draft in drafts])
    return [one for draft in drafts for one in _kept(draft, arguments)]


def _kept(draft: Draft, arguments: Arguments) -> list[Draft]:
    cell = draft.cell
    if lies_under(cell.task.file, arguments.paths):
        return [draft]
    ids = [
        one
        for one in arguments.node_ids
        if one.label in (None, cell.label) and means(one, cell.task)
    ]
    named = [one.executor for one in ids if one.executor is not None]
    executors = tuple(dict.fromkeys(named)) if len(named) == len(ids) else ()
    return [replace(draft, cell=replace(cell, executors=executors))] if ids else []


def _refuse_unknown_label(node_id: NodeId, cells: Sequence[Cell]) -> None:
    mine = [cell for cell in cells if means(node_id, cell.task)]
    labels = [cell.label for cell in mine if cell.label]
    if node_id.label is None or not mine or any(node_id.label == cell.label for cell in mine):
        return
    name, equals, value = node_id.label.partition("=")
    hint = "nemorun list jobs shows the labels there are"
    if equals and "," not in node_id.label and name in mine[0].params:
        hint = f"to run it with that value: {name}={value}"
    raise UsageError(
        f"{mine[0].task.name} has no job {shortened(node_id.label)}{did_you_mean(node_id.label, labels)}",
        hint=hint,
    )
