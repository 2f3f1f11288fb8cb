"""`run.Partial`: a function with some of its arguments, to be called later and elsewhere."""

from __future__ import annotations

import copy
import functools
import inspect
from typing import TYPE_CHECKING, Any, Self

from nemorun_discover.api.signature import name_of, named_arguments, parameters_of
from nemorun_discover.config.nearest import hint_for
from nemorun_discover.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

_OWN = ("fn", "arguments")


class Partial:
    """A function and arguments for it; nothing is called before the job runs.

    The arguments are attributes too: `task.lr = 0.1`, `task.model.layers = 2`.

    Args:
        fn: The function; another partial's arguments are taken over.
        *args: Arguments by position.
        **kwargs: Arguments by name.

    Attributes:
        fn: The function.
        arguments: What is given, by name.

    Raises:
        UsageError: `fn` cannot be called, or has no such argument.
    """

    fn: Callable[..., Any]
    arguments: dict[str, object]

    def __init__(
        self, fn: Callable[..., Any] | Partial, /, *args: object, **kwargs: object
    ) -> None:
        function, args, kwargs = _unwrapped(fn, args, kwargs)
        object.__setattr__(self, "fn", function)
        object.__setattr__(self, "arguments", named_arguments(function, args, kwargs))

    def clone(self) -> Self:
        """A deep copy: changing it leaves this one alone."""
        return copy.deepcopy(self)

    def __getattr__(self, name: str) -> object:
        if name.startswith("__") or name in _OWN:
            raise AttributeError(name)
        if name in self.arguments:
            return self.arguments[name]
        parameter = parameters_of(self.fn).get(name)
        if parameter is None or parameter.default is inspect.Parameter.empty:
            raise AttributeError(f"{name_of(self.fn)} was given no argument {name!r}")
        return parameter.default

    def __setattr__(self, name: str, value: object) -> None:
        if name in _OWN:
            object.__setattr__(self, name, value)
            return
        self.arguments.update(named_arguments(self.fn, (), {name: value}))

    def __delattr__(self, name: str) -> None:
        if name not in self.arguments:
            hint = hint_for(name, self.arguments, what="it was given")
            raise UsageError(f"{name_of(self.fn)} was given no argument {name!r}", hint=hint)
        del self.arguments[name]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Partial):
            return NotImplemented
        return self.fn == other.fn and self.arguments == other.arguments

    __hash__ = None  # type: ignore[assignment]  # it can be changed

    def __repr__(self) -> str:
        given = [f"{name}={value!r}" for name, value in self.arguments.items()]
        return f"Partial({', '.join([name_of(self.fn), *given])})"


def _unwrapped(
    fn: object, args: tuple[object, ...], kwargs: dict[str, object]
) -> tuple[Callable[..., Any], tuple[object, ...], dict[str, object]]:
    if isinstance(fn, functools.partial):
        return _unwrapped(fn.func, (*fn.args, *args), {**fn.keywords, **kwargs})
    if isinstance(fn, Partial):
        return fn.fn, args, {**fn.arguments, **kwargs}
    if not callable(fn):
        raise UsageError(
            f"run.Partial takes a function, and got {fn!r}",
            hint="run.Partial(train, lr=0.1), without calling the function",
        )
    return fn, args, kwargs
