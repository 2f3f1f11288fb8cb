"""The arguments of a profile, bound by name to the parameters of a factory."""

from __future__ import annotations

import inspect
from contextlib import suppress
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, get_type_hints

from nemorun_discover.config.convert import as_json, convert
from nemorun_discover.config.nearest import hint_for
from nemorun_discover.config.references import resolve
from nemorun_discover.config.tree import Leaf, Node, Tree, place_of
from nemorun_discover.errors import ConfigError
from nemorun_discover.secrets import is_secret_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from nemorun_discover.model.task import Json

_POSITIONAL_ONLY = inspect.Parameter.POSITIONAL_ONLY
_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def bind(
    function: Callable[..., Any],
    arguments: Tree,
    env: Mapping[str, str],
    *,
    factory: str,
    place: str,
) -> dict[str, Any]:
    """The keyword arguments to call a factory with, converted where its annotations are simple.

    Args:
        function: The factory.
        arguments: What the profile gives.
        env: What `${env:VAR}` is resolved from.
        factory: Its name.
        place: Where it is defined, as messages begin.

    Raises:
        ConfigError: An argument it does not have, one it needs and nobody gives, or a wrong type.
    """
    parameters = inspect.signature(function).parameters
    named = [one.name for one in parameters.values() if one.kind not in _VARIADIC]
    takes_any = any(one.kind is inspect.Parameter.VAR_KEYWORD for one in parameters.values())
    for key, node in arguments.items():
        if key not in named and not takes_any:
            raise ConfigError(
                f"{place_of(key, node)}: factory {factory} has no such parameter",
                hint=hint_for(key, named, what="it has"),
            )
    _refuse_missing(parameters, arguments, factory, place)
    hints = _hints(function)
    return {key: _value(key, node, hints.get(key, Any), env) for key, node in arguments.items()}


def _refuse_missing(
    parameters: Mapping[str, inspect.Parameter], arguments: Tree, factory: str, place: str
) -> None:
    for one in parameters.values():
        if one.default is not inspect.Parameter.empty or one.kind in _VARIADIC:
            continue
        if one.kind is _POSITIONAL_ONLY:
            raise ConfigError(
                f"{place} takes {one.name} by position only, and arguments are given by name",
                hint="remove the / from its parameters",
            )
        if one.name not in arguments:
            raise ConfigError(
                f"{place} needs the argument {one.name}, and nothing gives it",
                hint=f'give it in a profile: [profiles.NAME] factory = "{factory}", {one.name} = …',
            )


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    """The annotations that can be evaluated, one by one: `-> SlurmExecutor` may be for type checkers only."""
    names = getattr(function, "__globals__", {})
    hints = {}
    for name, annotation in getattr(function, "__annotations__", {}).items():
        alone = SimpleNamespace(__annotations__={name: annotation})
        with suppress(NameError, TypeError, AttributeError, SyntaxError):
            hints.update(get_type_hints(alone, globalns=names, localns={}))
    return hints


def _value(key: str, node: Node, hint: Any, env: Mapping[str, str]) -> Any:  # noqa: ANN401
    plain = _plain(key, node, env)
    if hint is Any:
        return plain
    place = place_of(key, node)
    value = resolve(node.value, env, place) if isinstance(node, Leaf) else plain
    try:
        return convert(value, hint, place, is_secret=is_secret_name(key))
    except (TypeError, NotImplementedError):  # msgspec: a type that TOML has no value for
        return plain


def _plain(key: str, node: Node, env: Mapping[str, str]) -> Json:
    """The argument as TOML has it, its references replaced."""
    if not isinstance(node, Leaf):
        return {name: _plain(name, child, env) for name, child in node.items()}
    place = node.origin.at(key)
    return as_json(resolve(node.value, env, place), place)
