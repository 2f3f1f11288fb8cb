"""What is said outside of files: `NEMORUN_PROFILES__SLURM_A__NODES=4` and `-o profiles.slurm_a.nodes=4`."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

from nemorun_discover.config.fields import fields_of
from nemorun_discover.config.nearest import hint_for
from nemorun_discover.config.project import ProjectTable
from nemorun_discover.config.tree import Leaf, Loose, Origin, Tree, merge, plant
from nemorun_discover.config.values import BUILT_IN
from nemorun_discover.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PREFIX = "NEMORUN_"
TABLES = ("project", "profiles", "tasks")
# Tables whose keys are the user's own, and whose case therefore counts.
_FREE_TABLES = ("env_vars", "env")


def with_environment(tree: Tree, env: Mapping[str, str]) -> Tree:
    """The tree with what `NEMORUN_...__...` variables say; other variables are nobody's business here.

    Raises:
        ConfigError: A variable names a table or a profile that does not exist.
    """
    for variable in sorted(env):
        if not variable.startswith(PREFIX) or "__" not in variable:
            continue
        segments = variable[len(PREFIX) :].split("__")
        keys = _matched(tree, segments)
        origin = Origin(source="environment", table=tuple(keys[:-1]), argument=variable)
        tree = _with(tree, keys, env[variable], origin)
    return tree


def with_options(tree: Tree, options: Sequence[str]) -> Tree:
    """The tree with what `-o key=value` says, in order.

    Raises:
        ConfigError: An option is not `key=value`, or names a table or a profile that does not exist.
    """
    for option in options:
        keys, text = _split(option)
        origin = Origin(source="-o", table=tuple(keys[:-1]), argument=".".join(keys))
        tree = _with(tree, keys, text, origin)
    return tree


def parse_value(text: str) -> Any:  # noqa: ANN401 - a TOML value
    """The value of an option: as TOML where it is TOML, else the text itself."""
    try:
        document = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return Loose(natural=text, text=text)
    if list(document) != ["value"]:  # the text holds more lines than a value
        return Loose(natural=text, text=text)
    value = document["value"]
    return value if isinstance(value, (str, list, dict)) else Loose(natural=value, text=text)


def _with(tree: Tree, keys: Sequence[str], text: str, origin: Origin) -> Tree:
    _check_path(tree, keys, origin)
    value = parse_value(text)
    if isinstance(value, dict):
        node: Leaf | Tree = {
            key: child if not isinstance(child, Leaf) else Leaf(value=child.value, origin=origin)
            for key, child in plant(value, origin.source, tuple(keys)).items()
        }
    else:
        if "\0" in text:
            raise ConfigError(f"{origin.at('')}: the text holds a NUL character")
        node = Leaf(value=value, origin=origin)
    for key in reversed(keys):
        node = {key: node}
    return merge(tree, node) if isinstance(node, dict) else tree


def _check_path(tree: Tree, keys: Sequence[str], origin: Origin) -> None:
    place = origin.at("")
    if keys[0] not in TABLES:
        is_of_project = keys[0] in fields_of(ProjectTable)
        hint = (
            f"did you mean project.{keys[0]}?"
            if is_of_project
            else hint_for(keys[0], TABLES, what="the tables are")
        )
        raise ConfigError(f"{place}: there is no table {keys[0]}", hint=hint)
    least = 2 if keys[0] == "project" else 3
    if len(keys) < least:
        raise ConfigError(f"{place}: names a table, not a key", hint=_example(keys[0]))
    profiles = tree.get("profiles", {})
    known_profiles = [*(profiles if isinstance(profiles, dict) else ()), BUILT_IN]
    if keys[0] == "profiles" and keys[1] not in known_profiles:
        hint = hint_for(keys[1], known_profiles, what="the profiles are")
        raise ConfigError(f"{place}: there is no profile {keys[1]}", hint=hint)


def _example(table: str) -> str:
    examples = {
        "project": "project.name=text",
        "profiles": "profiles.NAME.nodes=4",
        "tasks": "tasks.NAME.params.lr=0.1",
    }
    return f"write, for instance, {examples[table]}"


def _matched(tree: Tree, segments: Sequence[str]) -> list[str]:
    """The keys that a variable's upper-case words stand for; a word that matches none is lower-cased."""
    keys: list[str] = []
    table: Leaf | Tree = tree
    for segment in segments:
        known = {*(table if isinstance(table, dict) else ()), *(() if keys else TABLES)}
        same = sorted(key for key in known if _folded(key) == _folded(segment))
        is_free = bool(keys) and keys[-1] in _FREE_TABLES
        if segment in known or (is_free and not same):
            key = segment
        else:
            key = same[0] if same else segment.lower()
        keys.append(key)
        table = table.get(key, {}) if isinstance(table, dict) else {}
    return keys


def _folded(key: str) -> str:
    return key.lower().replace("-", "_").replace(".", "_")


def _split(option: str) -> tuple[list[str], str]:
    """The keys and the value's text; the first `=` that ends a valid TOML key divides them."""
    for index, character in enumerate(option):
        if character != "=":
            continue
        keys = _keys(option[:index])
        if keys:
            return keys, option[index + 1 :].strip()
    raise ConfigError(
        f"-o {option}: expected key=value", hint="write, for instance, -o profiles.NAME.nodes=4"
    )


def _keys(text: str) -> list[str]:
    try:
        node: Any = tomllib.loads(f"{text} = 0")
    except (ValueError, RecursionError):
        return []
    keys = []
    while isinstance(node, dict):
        if len(node) != 1:  # the text holds more lines than a key
            return []
        key, node = next(iter(node.items()))
        keys.append(key)
    return keys
