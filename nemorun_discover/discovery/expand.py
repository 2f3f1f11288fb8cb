"""From selected tasks to cells: each task with each set of its parameters."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from nemorun_discover.discovery.arguments import Arguments, refuse_repeated
from nemorun_discover.discovery.cell import Cell, is_found_by
from nemorun_discover.discovery.draft import drafts_of
from nemorun_discover.discovery.names import did_you_mean
from nemorun_discover.discovery.narrow import narrow
from nemorun_discover.discovery.order import with_dependencies
from nemorun_discover.discovery.rows import is_for, texts_for
from nemorun_discover.discovery.select import LIST_HINT, no_task_matches
from nemorun_discover.errors import NothingSelected, UsageError
from nemorun_discover.model.task import TypeKind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from nemorun_discover.discovery.arguments import Assignment
    from nemorun_discover.discovery.draft import Draft
    from nemorun_discover.discovery.keyword import Expression
    from nemorun_discover.model.task import Task, TypeSpec


@dataclass(frozen=True, kw_only=True, slots=True)
class _Choice:
    assignments: tuple[Assignment, ...]
    arguments: Arguments
    keyword: Expression | None
    upstream_from: tuple[Task, ...]


def expand(
    tasks: Sequence[Task],
    assignments: Sequence[Assignment] = (),
    *,
    arguments: Arguments | None = None,
    keyword: Expression | None = None,
    upstream_from: Sequence[Task] = (),
    describe: Callable[[Task], Mapping[str, TypeSpec]] | None = None,
    strict: bool = True,
) -> tuple[Cell, ...]:
    """The cells of the tasks, in their order.

    A parameter's value comes from its default when that is a literal, the config, `parametrize`,
    `key=value` and `--set`, the later ones winning.

    Args:
        tasks: Those that paths, node ids and tags have selected.
        assignments: `key=value` and `--set`.
        arguments: For its node ids, which may name single cells.
        keyword: `-k`; see `is_found_by`.
        upstream_from: Where tasks that the selected ones wait for are taken from (`--with-deps`), whether
            `keyword` matches them or not; empty adds none.
        describe: The types of a task's parameters, by importing it. Called at most once for a task, and only
            when the command line gives a value to a parameter whose type is not known.
        strict: False keeps cells whose values are wrong or missing, to show them.

    Raises:
        UsageError: An assignment fits no task, or a value is missing or wrong.
        NothingSelected: No cell is left.
    """
    refuse_repeated(assignments)
    choice = _Choice(
        assignments=tuple(assignments),
        arguments=arguments or Arguments(),
        keyword=keyword,
        upstream_from=tuple(upstream_from),
    )
    drafts = _choose(tasks, choice, {})
    types = {
        task.id: describe(task)
        for task in _tasks_of(drafts)
        if describe is not None and _is_unsure(task, choice.assignments)
    }
    if types:
        drafts = _choose(tasks, choice, types)
    _refuse_unused(choice.assignments, _tasks_of(drafts))
    for draft in drafts:
        if strict and draft.problems:
            raise draft.problems[0]
    return tuple(draft.cell for draft in drafts)


def _choose(
    tasks: Sequence[Task], choice: _Choice, types: Mapping[str, Mapping[str, TypeSpec]]
) -> list[Draft]:
    drafts = narrow(_drafts(tasks, choice, types), choice.arguments)
    if choice.keyword is not None:
        drafts = _matching(drafts, choice.keyword)
    if not drafts:
        names = ", ".join(task.name for task in tasks)
        raise NothingSelected(f"no job: parametrize gives no values ({names})", hint=LIST_HINT)
    if not choice.upstream_from:
        return drafts
    selected = _tasks_of(drafts)
    ids = {task.id for task in selected}
    upstream = with_dependencies(selected, choice.upstream_from)
    return _drafts([task for task in upstream if task.id not in ids], choice, types) + drafts


def _drafts(
    tasks: Sequence[Task], choice: _Choice, types: Mapping[str, Mapping[str, TypeSpec]]
) -> list[Draft]:
    described = [_with_types(task, types.get(task.id, {})) for task in tasks]
    return [draft for task in described for draft in drafts_of(task, choice.assignments)]


def _matching(drafts: list[Draft], keyword: Expression) -> list[Draft]:
    found = [one for one in drafts if keyword.matches(partial(is_found_by, one.cell))]
    if not found:
        names = [one.cell.task.name for one in drafts]
        pairs = [pair for one in drafts for pair in one.cell.pairs]
        raise no_task_matches(keyword, [*names, *pairs])
    return found


def _tasks_of(drafts: Sequence[Draft]) -> list[Task]:
    return list({draft.cell.task.id: draft.cell.task for draft in drafts}.values())


def _with_types(task: Task, types: Mapping[str, TypeSpec]) -> Task:
    if not types:
        return task
    params = tuple(replace(one, type=types.get(one.name, one.type)) for one in task.params)
    return replace(task, params=params)


def _is_unsure(task: Task, assignments: Sequence[Assignment]) -> bool:
    given = texts_for(task, assignments)
    return any(one.name in given and has_unknown(one.type) for one in task.params)


def has_unknown(spec: TypeSpec) -> bool:
    """True for a type that only an import of the task's file can tell."""
    parts = (*spec.args, *(field for _, field, _ in spec.fields))
    return spec.kind is TypeKind.UNKNOWN or any(has_unknown(part) for part in parts)


def _refuse_unused(assignments: Sequence[Assignment], tasks: Sequence[Task]) -> None:
    for one in assignments:
        meant = [task for task in tasks if is_for(one, task)]
        if not meant:
            names = [task.name for task in tasks]
            suggestion = did_you_mean(one.task or "", names)
            raise UsageError(
                f"{one.typed}: no selected task is named {one.task!r}{suggestion}", hint=LIST_HINT
            )
        known = {parameter.name: None for task in meant for parameter in task.params}
        if one.name not in known:
            raise _unknown_parameter(one, meant, list(known))


def _unknown_parameter(
    given: Assignment, tasks: Sequence[Task], known: Sequence[str]
) -> UsageError:
    who = tasks[0].name if len(tasks) == 1 else "no selected task"
    has = "has no parameter" if len(tasks) == 1 else "has a parameter"
    return UsageError(
        f"{who} {has} {given.name!r}{did_you_mean(given.name, known)}",
        hint=f"there are: {', '.join(known)}" if known else "it takes no parameters",
    )
