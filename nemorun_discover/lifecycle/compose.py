"""From what a user asks to a plan: collect, select, expand, place, link. Nothing is written or sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nemorun_discover.config.import_roots import import_roots
from nemorun_discover.config.script_tasks import require_references
from nemorun_discover.discovery.arguments import parse_set, split_arguments
from nemorun_discover.discovery.dynamic import describe_types
from nemorun_discover.discovery.expand import expand
from nemorun_discover.discovery.keyword import compile_expression
from nemorun_discover.discovery.link import link
from nemorun_discover.discovery.scan_codec import encode_type
from nemorun_discover.discovery.select import means, select_tasks
from nemorun_discover.errors import UsageError
from nemorun_discover.lifecycle.collecting import (
    collect_project,
    files_named,
    issues_of_no_import,
    refuse_issues,
)
from nemorun_discover.lifecycle.placing import as_tables, check_secrets, place, timeouts_of
from nemorun_discover.lifecycle.plan import Plan
from nemorun_discover.lifecycle.references import mark_references, references_of
from nemorun_discover.lifecycle.request import RunRequest, with_default
from nemorun_discover.lifecycle.secrets import hide_in_plan
from nemorun_discover.model.job import task_key
from nemorun_discover.model.record import Project
from nemorun_discover.secrets import masked_argv

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from nemorun_discover.config.load import Config
    from nemorun_discover.discovery.arguments import Arguments
    from nemorun_discover.discovery.cell import Cell
    from nemorun_discover.model.task import Collection, Issue, Json, Task, TypeSpec

_TASKS_IN_TITLE = 3


class NothingAsked(UsageError):
    """`nemorun run` without a selection, in a project whose config has no default."""


def compose(config: Config, request: RunRequest, *, cwd: Path, env: Mapping[str, str]) -> Plan:
    """The plan of a run.

    Args:
        config: The project's configuration.
        request: What the user asks.
        cwd: What relative paths among the arguments are relative to.
        env: The caller's environment.

    Raises:
        UsageError: Nothing was asked for, or something that cannot be.
        CollectionError: A file could not be collected.
        NothingSelected: No task, or no executor, matches.
        ConfigError: A profile or a factory is wrong.
    """
    arguments = split_arguments(request.words, root=config.root, cwd=cwd)
    if not _selects(request, arguments):
        request = _by_default(config, request)
        arguments = split_arguments(request.words, root=config.root, cwd=cwd)
    collection = _collect(config, request, arguments)
    cells = _cells(config, request, arguments, collection)
    require_references(config, {cell.task.id: cell.task for cell in cells}.values())
    placed, executors = place(cells, request.executors, config, collection.factories)
    check_secrets(executors, env)
    jobs = link(
        placed,
        args=_script_args(request, cells),
        retries={name: executor.retries for name, executor in executors.items()},
        timeouts_s=timeouts_of(executors),
    )
    plan = Plan(
        title=request.title or title_of([job.task for job in jobs]),
        project=project_of(config),
        jobs=jobs,
        executors=as_tables(executors),
        argv=masked_argv(request.argv),
        max_jobs=request.max_jobs,
        maxfail=request.maxfail,
        types=_types_of(cells),
        issues=collection.issues,
        notes=_notes(cells, collection),
    )
    return hide_in_plan(mark_references(plan, config), env, references_of(config))


def _types_of(cells: Sequence[Cell]) -> dict[str, dict[str, Json]]:
    """By task, what its parameters are: a rerun reads values by it, whatever becomes of the code."""
    tasks = {task_key(one.file, one.function or one.name): one for one in (c.task for c in cells)}
    return {
        key: {one.name: encode_type(one.type) for one in task.params}
        for key, task in tasks.items()
        if task.params
    }


def project_of(config: Config) -> Project:
    """What the record says of the project."""
    return Project(
        root=str(config.root),
        name=config.project.name,
        config=None if config.file is None else str(config.file),
        pythonpath=tuple(config.project.pythonpath),
    )


def title_of(names: Sequence[str]) -> str:
    """The tasks' names, the first three of them."""
    distinct = list(dict.fromkeys(names))
    more = ["and-more"] if len(distinct) > _TASKS_IN_TITLE else []
    return "-".join([*distinct[:_TASKS_IN_TITLE], *more])


def _selects(request: RunRequest, arguments: Arguments) -> bool:
    words = bool(arguments.paths or arguments.node_ids)
    return words or request.everything or bool(request.keyword or request.tags)


def _by_default(config: Config, request: RunRequest) -> RunRequest:
    if config.project.default is None:
        raise NothingAsked(
            f"what should run? {config.label} has no default selection",
            hint="nemorun run -k NAME, nemorun run --all, or [project] default = { k = … }",
        )
    return with_default(request, config.project.default)


def _collect(config: Config, request: RunRequest, arguments: Arguments) -> Collection:
    files = None if request.with_deps else files_named(arguments)
    collection = collect_project(config, files)
    if not request.continue_on_collection_errors:
        unread = () if _are_found(arguments, collection, files) else issues_of_no_import(collection)
        refuse_issues(_relevant([*collection.issues, *unread], files))
    return collection


def _are_found(arguments: Arguments, collection: Collection, files: Sequence[str] | None) -> bool:
    """True when node ids alone select, and all of their tasks are known without an import."""
    return files is not None and all(
        any(means(one, task) for task in collection.tasks) for one in arguments.node_ids
    )


def _relevant(issues: Sequence[Issue], files: Sequence[str] | None) -> list[Issue]:
    return [issue for issue in issues if files is None or issue.file in files]


def _cells(
    config: Config, request: RunRequest, arguments: Arguments, collection: Collection
) -> tuple[Cell, ...]:
    tags = compile_expression(request.tags, option="-m") if request.tags else None
    keyword = compile_expression(request.keyword) if request.keyword else None

    def describe(task: Task) -> Mapping[str, TypeSpec]:
        path = (*config.project.pythonpath, *import_roots(config.root, task.file))
        return describe_types(config.root, task.file, task.function or task.name, path)

    return expand(
        select_tasks(collection.tasks, arguments, tags=tags),
        (*arguments.assignments, *parse_set(request.sets)),
        arguments=arguments,
        keyword=keyword,
        upstream_from=collection.tasks if request.with_deps else (),
        describe=describe if config.may_import else None,
    )


def _script_args(request: RunRequest, cells: Sequence[Cell]) -> tuple[str, ...]:
    if request.args and all(cell.task.script is None for cell in cells):
        raise UsageError(
            "what follows -- goes to script tasks, and none is selected",
            hint="give parameters of a function as key=value",
        )
    return request.args


def _notes(cells: Sequence[Cell], collection: Collection) -> tuple[str, ...]:
    names = {task.id: task.name for task in collection.tasks}
    selected = {cell.task.id for cell in cells}
    missing = {
        (cell.task.name, names.get(one, one))
        for cell in cells
        for one in cell.task.after
        if one not in selected
    }
    return tuple(
        f"{task} comes after {upstream}, which is not selected: --with-deps adds it"
        for task, upstream in sorted(missing)
    )
