"""Each setting of a configuration, and where it was written."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from nemorun_discover.config.fields import FieldSpec, canonical_name, fields_of
from nemorun_discover.config.profiles import profile_names, profile_tree
from nemorun_discover.config.project import ProjectTable
from nemorun_discover.config.references import referenced, resolve
from nemorun_discover.config.tree import DEFAULT, Leaf, Loose, Node, Origin, Tree, dotted, leaves
from nemorun_discover.errors import ConfigError
from nemorun_discover.executors.kinds import FAMILIES, class_of
from nemorun_discover.secrets import MASK, is_public, is_secret_name, masked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nemorun_discover.config.load import Config
    from nemorun_discover.model.task import Json


# Where a table says what jobs are given; elsewhere a reference is a setting of ours.
_HANDED_OVER = frozenset(("env_vars", "env", "params", "command"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """One value, and where it comes from.

    Attributes:
        key: Dotted, as `-o` takes it.
        value: The value, secrets masked; a reference that cannot be resolved stays as it is written.
        origin: The file and its table, "default", "environment NAME" or "-o".
    """

    key: str
    value: Json
    origin: str


def explain(config: Config, *, with_defaults: bool = True) -> list[Setting]:
    """Every setting: the project's, then each profile's with what it extends, then the tasks'.

    Args:
        config: The project's configuration; what is wrong in a profile is shown as it is written.
        with_defaults: Also what nobody wrote.
    """
    settings = [
        *_project(config),
        *(one for name in profile_names(config) for one in _profile(config, name)),
        *_leaves(config.table("tasks"), ("tasks",), config),
    ]
    return [one for one in settings if with_defaults or one.origin != str(DEFAULT)]


def _project(config: Config) -> Iterator[Setting]:
    tree = config.table("project")
    yield from _leaves(tree, ("project",), config)
    for item in fields(ProjectTable):
        if item.name not in tree:
            value = getattr(config.project, item.name)
            yield Setting(key=f"project.{item.name}", value=value, origin=str(DEFAULT))


def _profile(config: Config, name: str) -> Iterator[Setting]:
    path = ("profiles", name)
    try:
        tree = profile_tree(config, name)
    except ConfigError:
        tree = config.table("profiles")[name]  # type: ignore[assignment]  # a table, or load refused it
    yield from _table(tree, path, "executor", config)


def _table(tree: Tree, path: tuple[str, ...], family: str, config: Config) -> Iterator[Setting]:
    """A table of settings: what is written, then the defaults of its kind, nested tables likewise."""
    specs = _specs(tree, family)
    given = set()
    for key, node in tree.items():
        spec = specs.get(key)
        given.add(key if spec is None else spec.name)
        if spec is not None and spec.family and isinstance(node, dict) and not spec.is_many:
            yield from _table(node, (*path, key), spec.family, config)
        else:
            yield from _leaves(node, (*path, key), config)
    for name in dict.fromkeys(one.name for one in specs.values() if one.name not in given):
        key = dotted((*path, name))
        yield Setting(key=key, value=_default(specs[name]), origin=str(DEFAULT))


def _specs(tree: Tree, family: str) -> dict[str, FieldSpec]:
    """The fields of the table's kind, by every name they have; none when the kind is not known."""
    kind = tree.get("kind")
    if not isinstance(kind, Leaf) or kind.value not in FAMILIES[family]:
        return {}
    cls = class_of(family, str(kind.value))
    specs = dict(fields_of(cls))
    for key in tree:
        name = canonical_name(cls, key)
        if name in specs:
            specs[key] = specs[name]
    return specs


def _default(spec: FieldSpec) -> Json:
    """A default as JSON; settings of another family are named by their kind."""
    return getattr(spec.default, "kind", spec.default)


def _leaves(node: Node, path: tuple[str, ...], config: Config) -> Iterator[Setting]:
    for below, leaf in leaves(node):
        keys = (*path, *below)
        yield Setting(
            key=dotted(keys), value=_shown(keys, leaf, config), origin=_origin(keys, leaf.origin)
        )


def _shown(keys: tuple[str, ...], leaf: Leaf, config: Config) -> Json:
    # A part of the way may name the secret too: `env_vars.TOKEN`, `params.auth.user`.
    names = {*keys[2:], *referenced(leaf.value)}
    if _HANDED_OVER & set(keys[2:]) and not all(map(is_public, referenced(leaf.value))):
        return _natural(
            leaf
        )  # what a job is given from the environment is a secret, whatever it is called
    value = _resolved(leaf, config)
    hidden = any(is_secret_name(name) for name in names)
    return masked({MASK: value})[MASK] if not hidden else _masked_whole(value)


def _natural(leaf: Leaf) -> Json:
    value = leaf.value.natural if isinstance(leaf.value, Loose) else leaf.value
    return value if _is_json(value) else str(value)


def _masked_whole(value: Json) -> Json:
    return value if value is None or isinstance(value, bool) else MASK


def _resolved(leaf: Leaf, config: Config) -> Any:  # noqa: ANN401 - a TOML value
    try:
        value = resolve(leaf.value, config.env, "")
    except ConfigError:
        value = leaf.value
    if isinstance(value, Loose):
        value = value.natural
    return value if _is_json(value) else str(value)


def _is_json(value: object) -> bool:
    return value is None or isinstance(value, (bool, int, float, str, list, dict))


def _origin(keys: tuple[str, ...], origin: Origin) -> str:
    """Where a value was written; by way of another profile, that one, and that it was extended."""
    if origin.argument or keys[0] != "profiles" or not origin.table:
        return str(origin)
    here = (
        "profiles" in origin.table and origin.table[origin.table.index("profiles") + 1] == keys[1]
    )
    return str(origin) if here else f"{origin} via extends"
