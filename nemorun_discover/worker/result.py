"""From what a task returned to JSON."""

from __future__ import annotations

import enum
import math
import sys
import types
from pathlib import PurePath

from nemorun_discover.files import write_json
from nemorun_discover.shortage import patiently

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any


_LAZY = {
    types.CoroutineType: "a coroutine",
    types.GeneratorType: "a generator",
    types.AsyncGeneratorType: "an asynchronous generator",
}


class NotRun(TypeError):
    """A task returned something whose code has not begun to run: it has done nothing."""


def refuse_unstarted(value: object, where: str = "the return value") -> None:
    """Raise NotRun for a coroutine, a generator or a `contextmanager` that nobody has begun to run."""
    inner = value
    if (
        type(value).__module__ == "contextlib"
    ):  # of @contextmanager, which calls a generator function
        inner = getattr(value, "gen", value)
    what = _LAZY.get(type(inner))
    if what is None or not _is_unstarted(inner):
        return
    name = getattr(inner, "__qualname__", "it")
    if not isinstance(inner, types.AsyncGeneratorType):
        inner.close()  # type: ignore[attr-defined]  # both have it; Python says nothing of a closed one
    raise NotRun(
        f"{where} is {what} ({name}) that nobody has run, so no line of it was run: "
        "await it or loop over it in the task, or make the task itself an `async def`"
    )


def _is_unstarted(value: Any) -> bool:  # noqa: ANN401 - one of three types
    import inspect  # noqa: PLC0415 - few tasks return such a thing

    if isinstance(value, types.CoroutineType):
        return inspect.getcoroutinestate(value) == inspect.CORO_CREATED
    if isinstance(value, types.GeneratorType):
        return inspect.getgeneratorstate(value) == inspect.GEN_CREATED
    return True  # before Python 3.12 nobody can tell, and a task has no use for a begun one


def keep_result(value: object, path: Path, tell: Callable[[str], object]) -> None:
    """Write what a task returned; None is not kept, nor what JSON cannot hold, which `tell` is told.

    Raises:
        NotRun: There is a coroutine or a generator in it that nobody has begun to run.
    """
    if value is None:
        return
    try:
        document = to_json(value)
    except NotRun:
        raise
    except TypeError as error:
        tell(f"nemorun: the result is not kept: {error}")
        return
    patiently(lambda: write_json(path, document))


def to_json(value: object) -> Any:  # noqa: ANN401 - JSON
    """The value as JSON can hold it.

    Dataclasses become objects, enum members their values, paths and dates text, sets and tuples lists,
    numpy and torch scalars numbers. A float that JSON cannot hold (nan, inf) becomes null.

    Raises:
        TypeError: JSON cannot hold it; the message names the type and where it stands.
    """
    try:
        return _convert(value, "the return value")
    except RecursionError:
        raise TypeError("the return value is nested too deeply for JSON, or holds itself") from None


def _convert(value: object, where: str) -> Any:  # noqa: ANN401 - JSON
    for accepts, convert in _RULES:
        if accepts(value):
            return convert(value, where)
    refuse_unstarted(value, where)
    item = getattr(value, "item", None)  # a scalar of numpy or torch
    if callable(item) and getattr(value, "shape", None) == ():
        return _convert(item(), where)
    raise TypeError(f"{where} is a {type(value).__name__}, which JSON cannot hold")


def _text(value: Any, _where: str) -> str:  # noqa: ANN401 - one signature for every rule
    return str(value).encode("utf-8", "replace").decode()


def _int(value: Any, where: str) -> int:  # noqa: ANN401
    try:
        str(int(value))
    except ValueError:  # sys.set_int_max_str_digits: 4300 at first
        raise TypeError(f"{where} is an int of too many digits, which JSON cannot hold") from None
    return int(value)


def _float(value: Any, _where: str) -> float | None:  # noqa: ANN401
    return float(value) if math.isfinite(value) else None


def _object(value: Any, where: str) -> dict[str, Any]:  # noqa: ANN401
    made = {_key(key): _convert(one, f"{where}[{key!r}]") for key, one in value.items()}
    if len(made) < len(value):
        raise TypeError(
            f"{where} has keys that are one and the same as text, which JSON cannot hold"
        )
    return made


def _key(key: object) -> str:
    return _text(key.value if isinstance(key, enum.Enum) else key, "")


def _list(value: Any, where: str) -> list[Any]:  # noqa: ANN401
    return [_convert(one, f"{where}[{index}]") for index, one in enumerate(value)]


def _fields(value: Any, where: str) -> dict[str, Any]:  # noqa: ANN401
    import dataclasses  # noqa: PLC0415 - whoever made the value has imported it

    names = [field.name for field in dataclasses.fields(value)]
    return {name: _convert(getattr(value, name), f"{where}.{name}") for name in names}


def _is_dataclass(value: object) -> bool:
    return hasattr(type(value), "__dataclass_fields__")


def _is_date(value: object) -> bool:
    known = sys.modules.get("datetime")  # a date has been made by it
    return known is not None and isinstance(value, (known.date, known.time))


_RULES: tuple[tuple[Callable[[Any], bool], Callable[[Any, str], Any]], ...] = (
    (lambda value: value is None or isinstance(value, bool), lambda value, _: value),
    (lambda value: isinstance(value, enum.Enum), lambda value, where: _convert(value.value, where)),
    (lambda value: isinstance(value, (str, PurePath)), _text),
    (lambda value: isinstance(value, int), _int),
    (lambda value: isinstance(value, float), _float),
    (lambda value: isinstance(value, dict), _object),
    (lambda value: isinstance(value, (list, tuple, set, frozenset)), _list),
    (_is_date, lambda value, _: value.isoformat()),
    (_is_dataclass, _fields),
)
