"""Types and values in the words of a message: "expected an integer, found the text 'four'"."""

from __future__ import annotations

import types
from typing import Any, Literal, Union, get_args, get_origin

from nemorun_discover.config.references import referenced
from nemorun_discover.config.tree import Loose
from nemorun_discover.secrets import is_secret_name

_ONE = {
    bool: "true or false",
    int: "an integer",
    float: "a number",
    str: "text",
    dict: "a table",
    list: "a list",
    tuple: "a list",
}
_MANY = {bool: "booleans", int: "integers", float: "numbers", str: "texts", dict: "tables"}
_LONGEST = 60


def describe_type(hint: Any) -> str:  # noqa: ANN401 - an annotation
    """What a value of this type is called: "an integer or a list of texts"."""
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        words = [describe_type(member) for member in args if member is not type(None)]
        if int in args and float in args:
            words.remove(_ONE[int])
        return " or ".join(words)
    if origin is Literal:
        return "one of " + ", ".join(repr(value) for value in args)
    if origin in (list, tuple):
        return f"a list of {_MANY.get(args[0], 'values')}"
    if origin is dict and args[1] in _MANY:
        return f"a table of {_MANY[args[1]]}"
    if isinstance(hint, type) and hint in _ONE:
        return _ONE[hint]
    return _ONE.get(origin, getattr(hint, "__name__", str(hint)))


def describe_value(value: object, *, is_secret: bool = False) -> str:
    """What was found, cut to a readable length; a secret's value is left out."""
    if isinstance(value, Loose):
        is_secret = is_secret or any(is_secret_name(name) for name in referenced(value.shown))
        found = describe_value(value.natural, is_secret=is_secret)
        return f"{found} (from {_cut(value.shown)})" if value.shown else found
    kind = type(value)
    if kind is bool:
        return str(value).lower()
    if kind in (list, dict):
        return _ONE[kind]
    word = {int: "the integer", float: "the number", str: "the text"}.get(kind)
    if word is None:
        return f"the {kind.__name__} {_cut(str(value))}"
    return word if is_secret else f"{word} {_cut(repr(value))}"


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
