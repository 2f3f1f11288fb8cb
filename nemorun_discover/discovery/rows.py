"""The values that a task's parameters are given, before they are multiplied; mistakes are kept, not raised."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nemorun_discover.discovery.names import did_you_mean
from nemorun_discover.discovery.values import check_json, convert, split_values
from nemorun_discover.errors import UsageError
from nemorun_discover.model.task import ANY, MISSING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from nemorun_discover.discovery.arguments import Assignment
    from nemorun_discover.model.task import Json, Parameter, Parametrize, Task, TypeSpec


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """Values of parameters that vary together.

    Attributes:
        values: JSON by parameter; where a value is wrong, as it was given.
        problems: What is wrong with them.
        id: The row's label from `parametrize(ids=…)`.
    """

    values: dict[str, Json]
    problems: tuple[UsageError, ...] = ()
    id: str | None = None


def is_for(assignment: Assignment, task: Task) -> bool:
    """Whether the assignment is for this task, or for every task."""
    return assignment.task in (None, task.name, task.id)


def texts_for(task: Task, assignments: Iterable[Assignment]) -> dict[str, str]:
    """What the command line gives to parameters of the task; `--set` wins over plain `key=value`."""
    known = {parameter.name for parameter in task.params}
    mine = [one for one in assignments if one.name in known and is_for(one, task)]
    mine.sort(key=lambda one: one.task is not None)
    return {one.name: one.text for one in mine}


def varying_rows(task: Task, texts: Mapping[str, str]) -> list[list[Row]]:
    """The rows of each `parametrize`, and of each parameter on the command line, which replaces the former.

    Args:
        task: For its types and its `parametrize`.
        texts: The command line's values by parameter, lists not yet split.

    Raises:
        UsageError: A list of values cannot be split.
    """
    types = {parameter.name: parameter.type for parameter in task.params}
    groups = [_parametrized(one, task, types, texts) for one in task.parametrize]
    groups += [_given(name, texts[name], task, types[name]) for name in types if name in texts]
    return [group for group in groups if group is not None]


def fixed_row(task: Task, varied: Iterable[str]) -> Row:
    """The parameters that do not vary: from the config, else their default when it is a literal."""
    varied = set(varied)
    values: dict[str, Json] = {}
    problems = _unknown_names(task)
    for parameter in task.params:
        if parameter.name in varied:
            continue
        if parameter.name in task.values:
            row = _checked(parameter, task)
            values |= row.values
            problems += row.problems
        elif parameter.default is not MISSING:
            values[parameter.name] = parameter.default
        elif parameter.is_required:
            problems.append(_missing(parameter, task))
    return Row(values=values, problems=tuple(problems))


def _parametrized(
    given: Parametrize, task: Task, types: Mapping[str, TypeSpec], texts: Mapping[str, str]
) -> list[Row] | None:
    kept = [index for index, name in enumerate(given.names) if name not in texts]
    if not kept:
        return None
    # The ids speak of whole rows: without one of the parameters they would mislead.
    ids = given.ids if len(kept) == len(given.names) else (None,) * len(given.rows)
    where = f"task {task.name}, parametrize in {task.file}:{task.line}"
    return [
        _row({given.names[index]: row[index] for index in kept}, types, where, label)
        for row, label in zip(given.rows, ids, strict=True)
    ]


def _row(
    values: dict[str, Json], types: Mapping[str, TypeSpec], where: str, label: str | None
) -> Row:
    found: dict[str, Json] = {}
    problems: list[UsageError] = []
    for name, value in values.items():
        try:
            found[name] = check_json(value, types.get(name, ANY), name=name, where=where)
        except UsageError as error:
            found[name] = value
            problems.append(error)
    return Row(values=found, problems=tuple(problems), id=label)


def _given(name: str, text: str, task: Task, spec: TypeSpec) -> list[Row]:
    rows: list[Row] = []
    for piece in split_values(text, name=name):
        try:
            rows.append(Row(values={name: convert(piece, spec, name=name, task=task.name)}))
        except UsageError as error:
            rows.append(Row(values={name: piece}, problems=(error,)))
    return rows


def _checked(parameter: Parameter, task: Task) -> Row:
    where = f"task {task.name}, params of [tasks.{task.name}]"
    return _row(
        {parameter.name: task.values[parameter.name]}, {parameter.name: parameter.type}, where, None
    )


def _missing(parameter: Parameter, task: Task) -> UsageError:
    return UsageError(
        f"{task.name} needs a value for {parameter.name} ({parameter.type.text}): "
        f"give {parameter.name}=VALUE"
    )


def _unknown_names(task: Task) -> list[UsageError]:
    known: Sequence[str] = [parameter.name for parameter in task.params]
    from_config = [(name, f"params of [tasks.{task.name}]") for name in task.values]
    from_marks = [
        (name, f"parametrize in {task.file}:{task.line}")
        for one in task.parametrize
        for name in one.names
    ]
    return [
        UsageError(f"{task.name} has no parameter {name!r}{did_you_mean(name, known)} ({where})")
        for name, where in from_config + from_marks
        if name not in known
    ]
