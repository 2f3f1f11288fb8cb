"""Tables of settings, checked field by field against the dataclasses they become.

Everything that is wrong is reported, not only the first.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, get_args, get_origin

from nemorun_discover.config.convert import convert
from nemorun_discover.config.describe import describe_type
from nemorun_discover.config.fields import FieldSpec, canonical_name, fields_of
from nemorun_discover.config.nearest import hint_for
from nemorun_discover.config.references import has_reference, resolve, text_of
from nemorun_discover.config.tree import Leaf, Node, Origin, Tree, place_of, plant
from nemorun_discover.config.values import FIELD_RULES
from nemorun_discover.errors import ConfigError
from nemorun_discover.executors.kinds import FAMILIES, class_of
from nemorun_discover.secrets import is_secret_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nemorun_discover.executors.base import Executor
    from nemorun_discover.model.task import Json

UNKNOWN = object()
"""A value that is not known yet: it refers to the environment, which was not to be asked."""


class Checker:
    """Checks tables and keeps what is wrong with them.

    Args:
        env: What `${env:VAR}` is resolved from; None leaves values with references unchecked.
        is_partial: What is missing is no problem: another table completes this one.
    """

    def __init__(self, env: Mapping[str, str] | None, *, is_partial: bool = False) -> None:
        self.env = env
        self.is_partial = is_partial
        self.problems: list[ConfigError] = []

    def settings(self, tree: Tree, family: str, origin: Origin) -> dict[str, Json]:
        """The table of a kind as `executor_from_dict` takes it; what is wrong is left out.

        Args:
            tree: The table, with its `kind`.
            family: The family that `kind` belongs to.
            origin: Where the table stands, to place what is missing from it.
        """
        kind = self._kind(tree, family, origin)
        if kind is None:
            return {}
        cls = class_of(family, kind)
        given = {key: node for key, node in tree.items() if key != "kind"}
        table = self.fields(given, cls, origin, what=f"{kind} {family}")
        return {"kind": kind, **table}

    def fields(self, tree: Tree, cls: type[Any], origin: Origin, *, what: str) -> dict[str, Any]:
        """The values of a table that becomes an object of `cls`, by field; what is wrong is left out."""
        specs = fields_of(cls)
        values: dict[str, Any] = {}
        seen: set[str] = set()
        for key, node in tree.items():
            spec = specs.get(canonical_name(cls, key))
            place = place_of(key, node, origin)
            if spec is None:
                hint = hint_for(key, specs, what=f"a {what} knows")
                self.problems.append(ConfigError(f"{place}: unknown key", hint=hint))
            elif spec.name in seen:
                self.problems.append(ConfigError(f"{place}: given twice, as {spec.name} too"))
            else:
                seen.add(spec.name)
                self._keep(values, spec, node, place, origin)
        missing = [one for one in specs.values() if one.is_required and one.name not in seen]
        for spec in () if self.is_partial else missing:
            expected = "a table of tables" if spec.is_many else describe_type(spec.hint)
            self.problems.append(
                ConfigError(f"{origin.at(spec.name)}: missing; expected {expected}")
            )
        return values

    def _keep(
        self, values: dict[str, Any], spec: FieldSpec, node: Node, place: str, origin: Origin
    ) -> None:
        try:
            value = self._value(spec, node, place, origin)
        except ConfigError as error:
            self.problems.append(error)
            return
        if value is not UNKNOWN:
            values[spec.name] = value

    def _value(self, spec: FieldSpec, node: Node, place: str, origin: Origin) -> Any:  # noqa: ANN401
        if spec.family is None:
            value = self.plain(node, spec.hint, place, key=spec.name)
            if value is not UNKNOWN:
                _within_rules(spec, value, place)
            return value
        if isinstance(node, Leaf):
            if node.value is None:
                return None
            node = spelled_out(spec.name, node)
        inside = Origin(source=origin.source, table=(*origin.table, spec.name))
        if not spec.is_many:
            return self.settings(node, spec.family, inside)
        parts = {}
        for name, part in node.items():
            table = spelled_out(name, part)
            where = Origin(source=inside.source, table=(*inside.table, name))
            parts[name] = self.settings(table, spec.family, where)
        return parts

    def plain(self, node: Node, hint: Any, place: str, *, key: str) -> Any:  # noqa: ANN401
        """A value, or a table of values, as the type wants it; UNKNOWN while it refers to the environment.

        Raises:
            ConfigError: It is of another type.
        """
        if isinstance(node, Leaf):
            if self.env is None and has_reference(node.value):
                return UNKNOWN
            value = resolve(node.value, self.env or {}, place)
            return convert(value, hint, place, is_secret=is_secret_name(key))
        of_items = _type_of_items(hint)
        if of_items is None:
            raise ConfigError(f"{place}: expected {describe_type(hint)}, found a table")
        table = {}
        for name, child in node.items():
            value = self.plain(child, of_items, place_of(name, child), key=name)
            if value is not UNKNOWN:
                table[name] = value
        return table

    def _kind(self, tree: Tree, family: str, origin: Origin) -> str | None:
        try:
            return self._known_kind(tree.get("kind"), family, origin)
        except ConfigError as error:
            self.problems.append(error)
            return None

    def _known_kind(self, node: Node | None, family: str, origin: Origin) -> str | None:
        known = FAMILIES[family]
        if node is None and len(known) == 1:
            return next(iter(known))
        if node is None and self.is_partial:
            return None
        if not isinstance(node, Leaf):
            expected = ", ".join(known)
            raise ConfigError(f"{origin.at('kind')}: missing; expected one of {expected}")
        if self.env is None and has_reference(node.value):
            return None
        place = node.origin.at("kind")
        kind = text_of(node, self.env or {}, place)
        if kind in known:
            return kind
        raise ConfigError(
            f"{place}: no kind of {family} is called {kind or node.value!r}",
            hint=hint_for(str(kind), known, what="the kinds are"),
        )


def check_executor(executor: Executor, place: str) -> None:
    """Check the fields of an executor that was made in code, as a profile's are.

    Args:
        executor: The executor; it is not changed.
        place: How messages begin, such as "executors.py:12: slurm_a".

    Raises:
        ConfigError: A field is of another type than it is declared, too small, or not to be written down.
    """
    checker = Checker(None)
    origin = Origin(source=place)
    try:
        # Only what a factory returned is taken apart again; every load of a configuration comes by here.
        from nemorun_discover.executors.codec import executor_to_dict  # noqa: PLC0415

        tree = plant(executor_to_dict(executor), place)
    except ConfigError as error:
        raise ConfigError(f"{place}: {error.message}", hint=error.hint) from error
    checker.settings(tree, "executor", origin)
    if checker.problems:
        raise checker.problems[0]


def spelled_out(key: str, node: Node) -> Tree:
    """`tunnel = "ssh"` as the table it stands for: `tunnel = { kind = "ssh" }`."""
    if not isinstance(node, Leaf):
        return node
    table = (*node.origin.table, key)
    return {"kind": Leaf(value=node.value, origin=replace(node.origin, table=table))}


def _within_rules(spec: FieldSpec, value: Any, place: str) -> None:  # noqa: ANN401 - a checked value
    if spec.minimum is not None and isinstance(value, (int, float)) and value < spec.minimum:
        raise ConfigError(f"{place}: expected at least {spec.minimum:g}, found {value:g}")
    if spec.name in FIELD_RULES:
        FIELD_RULES[spec.name](value, place)


def _type_of_items(hint: Any) -> Any:  # noqa: ANN401 - an annotation
    """The type of a table's values; None when the type allows no table."""
    if hint is Any:
        return Any
    members = [hint] if get_origin(hint) is dict else get_args(hint)
    return next((get_args(member)[1] for member in members if get_origin(member) is dict), None)
