"""Errors of the API as a script shows them: the user's own line, then the sentence; none of our frames between."""

from __future__ import annotations

import functools
from types import FunctionType
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from nemorun_discover.errors import NemorunError

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
R = TypeVar("R")
C = TypeVar("C", bound=type)

_SPECIAL = ("__init__", "__exit__")


def plainly(function: Callable[P, R]) -> Callable[P, R]:
    """The function, whose NemorunErrors begin where it was called."""

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except NemorunError as error:
            hint = f"hint: {error.hint}"
            if error.hint and hint not in getattr(error, "__notes__", ()):
                error.add_note(hint)
            raise error.with_traceback(None) from None

    return call


def plain_methods(cls: C) -> C:
    """The class, whose public methods do so."""
    for name, value in list(vars(cls).items()):
        if name.startswith("_") and name not in _SPECIAL:
            continue
        if isinstance(value, classmethod):
            setattr(cls, name, classmethod(plainly(value.__func__)))
        elif isinstance(value, FunctionType):
            setattr(cls, name, plainly(value))
    return cls
