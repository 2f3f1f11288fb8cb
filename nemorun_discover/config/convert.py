"""One value of a configuration, checked against the type of its field and converted to it."""

from __future__ import annotations

import math
import types
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin

from nemorun_discover.config.describe import describe_type, describe_value
from nemorun_discover.config.tree import Loose
from nemorun_discover.errors import ConfigError

if TYPE_CHECKING:
    from nemorun_discover.model.task import Json


def convert(value: Any, hint: Any, place: str, *, is_secret: bool = False) -> Any:  # noqa: ANN401
    """The value as the field's type.

    TOML's own types must fit as they are (`nodes = "4"` is refused); text that stood for a value,
    from the environment or from `-o`, is read as the type wants it.

    Args:
        value: As TOML gave it, or a `Loose`.
        hint: The field's annotation.
        place: Where the value was written, as the message begins.
        is_secret: Leave the value out of the message.

    Raises:
        ConfigError: The value is of another type; says which was expected and what was found.
    """
    natural = value.natural if isinstance(value, Loose) else value
    if _is_plainly(natural, hint):
        return natural
    if hint is Any or isinstance(natural, float):
        natural = as_json(natural, place)
    if hint is Any:
        return natural
    found = _converted(value, natural, hint)
    if found is not _NOTHING:
        return found
    raise ConfigError(
        f"{place}: expected {describe_type(hint)}, found {describe_value(value, is_secret=is_secret)}",
        hint=_hint(natural, hint),
    )


def as_json(value: Any, place: str) -> Json:  # noqa: ANN401 - a TOML value
    """The value, when JSON can hold it: text, numbers, true and false, lists and tables.

    Raises:
        ConfigError: It is, or holds, a date, a time, an infinity or a nan.
    """
    if isinstance(value, Loose):
        return as_json(value.natural, place)
    if isinstance(value, list):
        return [as_json(item, place) for item in value]
    if isinstance(value, dict):
        return {str(key): as_json(item, place) for key, item in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        raise ConfigError(
            f"{place}: {value} is no value that JSON can hold", hint="write it as text"
        )
    if value is None or isinstance(value, (str, int, float)):
        return value
    raise ConfigError(
        f"{place}: expected text, a number, a list or a table, found {describe_value(value)}",
        hint="put it in quotes",
    )


_NOTHING = object()


def _is_plainly(value: object, hint: object) -> bool:
    """True for what needs no library to see; msgspec costs 40 ms to import, and `list` needs none."""
    if hint is type(value):
        return hint in (str, bool, int)
    if hint == list[str]:
        return isinstance(value, list) and all(type(item) is str for item in value)
    if get_origin(hint) in (Union, types.UnionType):
        return any(_is_plainly(value, member) for member in get_args(hint))
    return False


def _converted(value: object, natural: object, hint: Any) -> Any:  # noqa: ANN401 - an annotation
    import msgspec  # noqa: PLC0415 - see _is_plainly

    try:
        return msgspec.convert(natural, hint, dec_hook=_path)
    except msgspec.ValidationError:
        if not isinstance(value, Loose):
            return _NOTHING
    try:
        return msgspec.convert(value.text, hint, strict=False, dec_hook=_path)
    except msgspec.ValidationError:
        return _NOTHING


def _path(hint: type, value: object) -> object:
    """What msgspec does not know by itself: a Path, in the annotation of a factory's parameter."""
    if hint is Path and isinstance(value, str):
        return Path(value)
    raise NotImplementedError(f"{hint} is not a type of a configuration")


def _hint(value: object, hint: object) -> str | None:
    members = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    if isinstance(value, str):
        if _converted(Loose(natural=value, text=value), value, hint) is not _NOTHING:
            return "write it without quotes"
        in_brackets = any(get_origin(member) in (list, tuple) for member in members)
        return "put it in brackets: [...]" if in_brackets else None
    if str in members and not isinstance(value, (list, dict)):
        return "put it in quotes"
    return None
