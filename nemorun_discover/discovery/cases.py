"""The rows of `@nemorun.parametrize`, checked against the task's parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nemorun_discover.discovery.filescan import ProblemError
from nemorun_discover.discovery.literals import Unwritable, to_json
from nemorun_discover.discovery.marks import Typed
from nemorun_discover.discovery.names import nearest
from nemorun_discover.model.task import Parametrize, TypeKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nemorun_discover.discovery.marks import Case
    from nemorun_discover.model.task import Parameter, TypeSpec


def check_cases(
    cases: Sequence[Case], parameters: Sequence[Parameter], function: str
) -> tuple[Parametrize, ...]:
    """Return the cases of the decorators, from the one nearest to the function up.

    So `itertools.product(*cases)` lets the decorator at the top vary fastest, as pytest does.

    Args:
        cases: From the top down, as they are written.
        parameters: Of the task.
        function: Its name.

    Raises:
        ProblemError: A name is no parameter, or values or ids do not fit the names.
    """
    known = {parameter.name: parameter.type for parameter in parameters}
    taken: set[str] = set()
    checked: list[Parametrize] = []
    for case in cases:
        names = _names(case)
        for name in names:
            if name not in known:
                raise _unknown(case, name, list(known), function)
            if name in taken:
                message = f"{function!r} is parametrized twice by {name!r}"
                raise ProblemError(case.line, message)
            taken.add(name)
        rows = _rows(case, names, [known[name] for name in names])
        checked.append(Parametrize(names=names, rows=rows, ids=_ids(case, len(rows))))
    return tuple(reversed(checked))


def _names(case: Case) -> tuple[str, ...]:
    names = case.names
    if isinstance(names, str):
        names = [name.strip() for name in names.split(",") if name.strip()]
    is_list = isinstance(names, (list, tuple)) and names
    if is_list and all(isinstance(name, str) for name in names):
        return tuple(names)
    message = f"the names of @nemorun.parametrize must be text or a list of text, not {names!r}"
    raise ProblemError(case.line, message, 'write "lr" or "lr,seed" or ["lr", "seed"]')


def _unknown(case: Case, name: str, known: list[str], function: str) -> ProblemError:
    near = nearest(name, known, 1)
    hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(known) or 'none'}"
    return ProblemError(case.line, f"{function!r} has no parameter {name!r} to parametrize", hint)


def _rows(case: Case, names: tuple[str, ...], types: list[TypeSpec]) -> tuple[tuple[Any, ...], ...]:
    values = case.values
    if not isinstance(values, (list, tuple, set, range, dict)) or not values:
        message = f"@nemorun.parametrize of {','.join(names)} has no list of values"
        raise ProblemError(case.line, message)
    ordered = sorted(values, key=repr) if isinstance(values, set) else values
    return tuple(_row(case, value, names, types) for value in ordered)


def _row(
    case: Case, value: object, names: tuple[str, ...], types: list[TypeSpec]
) -> tuple[Any, ...]:
    # As in pytest: names in a list want a tuple of values, even when there is one name.
    is_single = isinstance(case.names, str) and len(names) == 1
    row = (value,) if is_single else value
    if not isinstance(row, (list, tuple)) or len(row) != len(names):
        message = f"@nemorun.parametrize of {','.join(names)}: {value!r} is not {len(names)} values"
        raise ProblemError(case.line, message)
    for name, item, kind in zip(names, row, types, strict=True):
        if isinstance(item, Typed) and kind.kind is TypeKind.ANY:
            message = f"{name!r} needs an annotation: {item!r} travels as text and is made again"
            raise ProblemError(case.line, message)
    try:
        return tuple(to_json(item.value if isinstance(item, Typed) else item) for item in row)
    except Unwritable as error:
        message = f"@nemorun.parametrize of {','.join(names)}: JSON cannot hold {value!r}"
        hint = (
            "values travel to the job as JSON: use numbers, text, booleans, None, lists and dicts"
        )
        raise ProblemError(case.line, message, hint) from error


def _ids(case: Case, count: int) -> tuple[str | None, ...]:
    if case.ids is None:
        return (None,) * count
    if not isinstance(case.ids, (list, tuple)) or len(case.ids) != count:
        message = f"@nemorun.parametrize has {count} values, so ids= must be a list of {count}"
        raise ProblemError(case.line, message)
    for label in case.ids:
        if label is not None and not isinstance(label, (str, int, float)):
            raise ProblemError(case.line, f"ids= must hold text, not {label!r}")
    return tuple(None if label is None else str(label) for label in case.ids)
