"""Names of executors, and what each resolves to: a profile, a factory or the built-in `local`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nemorun_discover.config.check import Checker
from nemorun_discover.config.factories import call_factory, visible_factory
from nemorun_discover.config.nearest import hint_for
from nemorun_discover.config.profiles import (
    check_profile,
    is_template,
    profile_origin,
    profile_tree,
    runnable_names,
)
from nemorun_discover.config.references import has_reference, text_of
from nemorun_discover.config.tree import Leaf, Tree, origin_of, place_of
from nemorun_discover.config.values import BUILT_IN
from nemorun_discover.errors import ConfigError
from nemorun_discover.executors.codec import executor_from_dict
from nemorun_discover.executors.kinds import kind_of_class_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nemorun_discover.config.load import Config
    from nemorun_discover.executors.base import Executor
    from nemorun_discover.model.task import Factory


@dataclass(frozen=True, kw_only=True, slots=True)
class ExecutorChoice:
    """A name that `-e` can choose.

    Attributes:
        kind: The kind of executor; "" where only a call of the factory, or the environment, would tell.
        source: "profile", "factory" or "built-in".
        file: The file it is written in, as messages show it; "" for the built-in one.
    """

    name: str
    kind: str
    source: str
    file: str


def executor_names(config: Config, factories: Sequence[Factory]) -> list[ExecutorChoice]:
    """Every executor that can be chosen: the profiles, the factories that none of them hides, and `local`.

    Raises:
        ConfigError: A profile extends something that does not exist, or itself.
    """
    chosen = [_profile_choice(config, name, factories) for name in runnable_names(config)]
    taken = {choice.name for choice in chosen}
    if BUILT_IN in {one.name for one in factories} and BUILT_IN not in config.table("profiles"):
        chosen, taken = chosen[1:], taken - {BUILT_IN}
    for factory in sorted(factories, key=lambda one: (one.directory.count("/"), one.directory)):
        if factory.name in taken:
            continue
        taken.add(factory.name)
        kind = kind_of_class_name(factory.returns) or ""
        chosen.append(
            ExecutorChoice(name=factory.name, kind=kind, source="factory", file=factory.file)
        )
    return chosen


def resolve_executor(
    name: str,
    *,
    config: Config,
    factories: Sequence[Factory],
    near: str = "",
    env: Mapping[str, str] | None = None,
) -> Executor:
    """The executor of this name, as a task in the file `near` sees it; the caller's own copy.

    A profile wins over a factory of the same name, and the nearest factory over those above it.

    Args:
        name: What `-e` says.
        config: The project's configuration.
        factories: The factories that were found.
        near: The task's file, relative to the project's root.
        env: What `${env:VAR}` is resolved from; None for the configuration's.

    Raises:
        ConfigError: There is no such executor, its profile is wrong, or its factory fails.
    """
    if is_template(name) and name in config.table("profiles"):
        raise ConfigError(
            f"the profile {name} is a template: it can be extended, not run on",
            hint="name it without the leading _ to run on it",
        )
    config = config if env is None else replace(config, env=env)
    if name in config.table("profiles"):
        return _from_profile(name, config, factories, near)
    factory = visible_factory(name, factories, near)
    if factory is not None:
        return call_factory(factory, {}, config)
    if name == BUILT_IN:
        return _from_profile(name, config, factories, near)
    raise _unknown(name, f"there is no executor {name!r}", config, factories, near)


def _from_profile(name: str, config: Config, factories: Sequence[Factory], near: str) -> Executor:
    for problem in check_profile(config, name):
        raise problem
    tree = profile_tree(config, name)
    if "factory" in tree:
        return _from_factory(tree, config, factories, near)
    checker = Checker(config.env)
    table = checker.settings(tree, "executor", profile_origin(config, name))
    for problem in checker.problems:
        raise problem
    return executor_from_dict(table)


def _from_factory(tree: Tree, config: Config, factories: Sequence[Factory], near: str) -> Executor:
    node = tree["factory"]
    place = place_of("factory", node)
    called = text_of(node, config.env, place) if isinstance(node, Leaf) else None
    if called is None:
        raise ConfigError(f"{place}: expected the name of a factory")
    factory = visible_factory(called, factories, near)
    if factory is None:
        raise _unknown(called, f"{place}: there is no factory {called!r}", None, factories, near)
    arguments = {key: value for key, value in tree.items() if key != "factory"}
    return call_factory(factory, arguments, config)


def _unknown(
    name: str, message: str, config: Config | None, factories: Sequence[Factory], near: str
) -> ConfigError:
    """The error for a name that nothing visible has."""
    hidden = [one.file for one in factories if one.name == name]
    if hidden:
        return ConfigError(
            f"{message} that {near or 'the root'} sees; there is one in {hidden[0]}",
            hint="a factory is seen by the tasks at or below its directory",
        )
    names = [one.name for one in factories]
    known = [*names, *(runnable_names(config) if config else ())]
    what = "the executors are" if config else "the factories are"
    return ConfigError(message, hint=hint_for(name, sorted(set(known)), what=what))


def _profile_choice(config: Config, name: str, factories: Sequence[Factory]) -> ExecutorChoice:
    written = config.table("profiles").get(name)
    if written is None:
        return ExecutorChoice(name=name, kind=BUILT_IN, source="built-in", file="")
    tree = profile_tree(config, name)
    file = origin_of(written, config.origin()).source
    return ExecutorChoice(name=name, kind=_kind(tree, factories), source="profile", file=file)


def _kind(tree: Tree, factories: Sequence[Factory]) -> str:
    node = tree.get("factory") or tree.get("kind")
    if not isinstance(node, Leaf) or not isinstance(node.value, str) or has_reference(node.value):
        return ""
    if "factory" not in tree:
        return node.value
    # Which factory it is depends on where the task lies; the kind is known where all of them agree.
    named = [one for one in factories if one.name == node.value]
    kinds = {kind for one in named if (kind := kind_of_class_name(one.returns))}
    return kinds.pop() if len(kinds) == 1 else ""
