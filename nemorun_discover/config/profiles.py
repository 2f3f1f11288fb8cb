"""`[profiles.NAME]`: what a profile says, with all that it extends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nemorun_discover.config.check import Checker, spelled_out
from nemorun_discover.config.nearest import hint_for
from nemorun_discover.config.tree import DEFAULT, Leaf, Origin, Tree, leaves, merge, place_of
from nemorun_discover.config.values import BUILT_IN
from nemorun_discover.errors import ConfigError
from nemorun_discover.executors.kinds import FAMILIES

if TYPE_CHECKING:
    from nemorun_discover.config.load import Config

NESTED = ("tunnel", "packager", "launcher")

_HINT_KIND = 'or name a factory of executors.py: factory = "name"'


def is_template(name: str) -> bool:
    """True for a profile that is only there to be extended."""
    return name.startswith("_")


def profile_names(config: Config) -> list[str]:
    """The profiles in the order they are written, templates too; the built-in one first."""
    return list(dict.fromkeys((BUILT_IN, *config.table("profiles"))))


def runnable_names(config: Config) -> list[str]:
    """The profiles that can be chosen with `-e`."""
    return [name for name in profile_names(config) if not is_template(name)]


def profile_origin(config: Config, name: str) -> Origin:
    """Where the table of a profile stands, to place what is missing from it; rather not in the user's file."""
    found = []
    for path, leaf in leaves(config.table("profiles").get(name, {})):
        if leaf.origin.table and not leaf.origin.argument:
            above = len(leaf.origin.table) - len(path) + 1
            found.append(Origin(source=leaf.origin.source, table=leaf.origin.table[:above]))
    own = [origin for origin in found if origin.source == config.label]
    return next(iter([*own, *found]), config.origin("profiles", name))


def profile_tree(config: Config, name: str) -> Tree:
    """What a profile says, with all that it extends; `extends` itself is gone.

    Raises:
        ConfigError: It extends something that does not exist, or itself.
    """
    chain = _chain(config, name, ())
    is_factory = any("factory" in tree for tree in chain)
    merged: Tree = {}
    for tree in chain:
        merged = merge(merged, tree if is_factory else _spelled_out(tree))
    return merged


def check_profile(config: Config, name: str) -> list[ConfigError]:
    """All that is wrong with a profile, whatever the environment; its factory is not looked at."""
    try:
        tree = profile_tree(config, name)
    except ConfigError as error:
        return [error]
    if "factory" in tree:
        return _factory_problems(tree)
    if is_template(name) and "kind" not in tree:
        return []  # what it holds is checked with the kind of each profile that extends it
    if "kind" not in tree:
        place = profile_origin(config, name).at("kind")
        kinds = ", ".join(FAMILIES["executor"])
        return [ConfigError(f"{place}: missing; expected one of {kinds}", hint=_HINT_KIND)]
    checker = Checker(None, is_partial=is_template(name))
    checker.settings(tree, "executor", profile_origin(config, name))
    return checker.problems


def check_overridden(config: Config) -> None:
    """Refuse an override that does not fit its profile, also when that profile is not used.

    Raises:
        ConfigError: The first thing that is wrong.
    """
    for name, node in config.table("profiles").items():
        if any(leaf.origin.argument for _, leaf in leaves(node)):
            for problem in check_profile(config, name):
                raise problem


def _chain(config: Config, name: str, below: tuple[str, ...]) -> list[Tree]:
    """The tables of a profile and of all it extends, those that win last."""
    if name in below:
        circle = " -> ".join((*below[below.index(name) :], name))
        place = profile_origin(config, below[-1]).at("extends")
        raise ConfigError(f"{place}: profiles extend each other in a circle: {circle}")
    own = config.table("profiles").get(name, {})
    tree = own if isinstance(own, dict) else {}
    chain: list[Tree] = []
    for base in _bases(config, tree, name):
        chain.extend(_chain(config, base, (*below, name)))
    chain.append({key: node for key, node in tree.items() if key != "extends"})
    if name == BUILT_IN and not any("factory" in one for one in chain):
        chain.insert(0, {"kind": Leaf(value=BUILT_IN, origin=DEFAULT)})
    return chain


def _bases(config: Config, tree: Tree, name: str) -> list[str]:
    if "extends" not in tree:
        return []
    node = tree["extends"]
    place = place_of("extends", node)
    bases = Checker(config.env).plain(node, str | list[str], place, key="extends")
    known = [one for one in profile_names(config) if one != name]
    for base in [bases] if isinstance(bases, str) else bases:
        if base not in known and base != name:
            hint = hint_for(base, known, what="the profiles are")
            raise ConfigError(f"{place}: there is no profile {base!r}", hint=hint)
    return [bases] if isinstance(bases, str) else list(bases)


def _spelled_out(tree: Tree) -> Tree:
    """Kinds that are named by a word as the tables they stand for, so that they can be merged."""
    return {key: spelled_out(key, node) if key in NESTED else node for key, node in tree.items()}


def _factory_problems(tree: Tree) -> list[ConfigError]:
    if "kind" not in tree:
        return []
    place = place_of("kind", tree["kind"])
    return [
        ConfigError(
            f"{place}: a profile has a kind or a factory, not both",
            hint="remove one; the factory decides what it returns",
        )
    ]
