"""What `nemorun list` lists: tasks and jobs that a selection leaves, with no executor called or checked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nemorun_discover.discovery.arguments import parse_set, split_arguments
from nemorun_discover.discovery.expand import expand
from nemorun_discover.discovery.keyword import compile_expression
from nemorun_discover.discovery.link import link
from nemorun_discover.discovery.matrix import on_executors
from nemorun_discover.discovery.select import select_tasks
from nemorun_discover.lifecycle.placing import FALLBACK

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from nemorun_discover.cli.list_request import ListRequest
    from nemorun_discover.cli.project import OpenProject
    from nemorun_discover.discovery.cell import Cell
    from nemorun_discover.model.job import Job
    from nemorun_discover.model.task import Task


def tasks_of(project: OpenProject, request: ListRequest, *, cwd: Path) -> Sequence[Task]:
    """The selected tasks; with `-e` those that run on these executors by themselves.

    Raises:
        NothingSelected: The selection leaves none.
        UsageError: The selection cannot be read.
    """
    cells = _cells(project, request, cwd)
    if request.executors:
        wanted = {name for _, name in _placed(project, cells, request.executors)}
        own = _placed(project, cells, ())
        cells = tuple(cell for cell, name in own if name in wanted)
    return list({cell.task.id: cell.task for cell in cells}.values())


def jobs_of(project: OpenProject, request: ListRequest, *, cwd: Path) -> tuple[Job, ...]:
    """The jobs that `run` would launch with this selection.

    Raises:
        NothingSelected: The selection leaves none.
        UsageError: The selection cannot be read.
    """
    return link(_placed(project, _cells(project, request, cwd), request.executors))


def _cells(project: OpenProject, request: ListRequest, cwd: Path) -> tuple[Cell, ...]:
    arguments = split_arguments(request.words, root=project.config.root, cwd=cwd)
    tags = compile_expression(request.tags, option="-m") if request.tags else None
    keyword = compile_expression(request.keyword) if request.keyword else None
    return expand(
        select_tasks(project.collection.tasks, arguments, tags=tags),
        (*arguments.assignments, *parse_set(request.settings)),
        arguments=arguments,
        keyword=keyword,
        strict=False,
    )


def _placed(
    project: OpenProject, cells: Sequence[Cell], patterns: Sequence[str]
) -> tuple[tuple[Cell, str], ...]:
    default = project.config.project.default_executor or FALLBACK
    available = [choice.name for choice in project.executors]
    return on_executors(cells, available=available, default=[default], patterns=patterns)
