"""`${env:VAR}` and `${env:VAR:-default}` in the text of a configuration."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from nemorun_discover.config.tree import Leaf, Loose, Node, leaves
from nemorun_discover.errors import ConfigError
from nemorun_discover.secrets import is_public

if TYPE_CHECKING:
    from collections.abc import Mapping

# `$${` is a literal `${`; the last alternative is a reference that was not written as one should be.
_REFERENCE = re.compile(
    r"(?P<escape>\$\$\{)"
    r"|\$\{env:(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\}"
    r"|(?P<malformed>\$\{env:[^}]*\}?)"
)


class UnsetVariable(ConfigError):
    """A reference names a variable that is not set, and has no default."""


def resolve(value: Any, env: Mapping[str, str], place: str) -> Any:  # noqa: ANN401 - a TOML value
    """The value with its references replaced.

    Text that is nothing but one reference, and a list that holds such text, comes back as `Loose`:
    the field's type decides what it is. As in a shell, `:-` also covers a variable that is empty.

    Raises:
        UnsetVariable: A variable is not set, and no default is given.
        ConfigError: A reference is not well formed.
    """
    if isinstance(value, Loose):
        return _resolved_loose(value, env, place)
    if not has_reference(value):
        return value
    plain = _replaced(value, env, place)
    if isinstance(value, str) and not _is_one_reference(value):
        return plain
    return Loose(natural=plain, text=plain, shown=str(value))


def has_reference(value: object) -> bool:
    """True when the value holds a reference, or an escaped one, at any depth."""
    if isinstance(value, str):
        return "${" in value and _REFERENCE.search(value) is not None
    if isinstance(value, list):
        return any(has_reference(item) for item in value)
    if isinstance(value, dict):
        return any(has_reference(item) for item in value.values())
    if isinstance(value, Loose):
        return has_reference(value.natural)
    return False


def referenced(value: object) -> set[str]:
    """The names of all variables that the value refers to."""
    if isinstance(value, str):
        return {found["name"] for found in _REFERENCE.finditer(value) if found["name"]}
    if isinstance(value, Loose):
        return referenced(value.natural)
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return {name for item in items for name in referenced(item)}


def marked(value: Any, env: Mapping[str, str]) -> Any:  # noqa: ANN401 - a TOML value
    """The value with `${secret:VAR}` in the place of each reference whose variable is set, for whoever writes it down.

    Variables that every process shows (HOME, USER) are no secrets, and are put in.
    """
    return resolve(value, {name: _mark(name, text) for name, text in env.items()}, "")


def _mark(name: str, text: str) -> str:
    return text if not text or is_public(name) else f"${{secret:{name}}}"


def require(node: Node, env: Mapping[str, str]) -> None:
    """Resolve every reference below a node, for the errors that come of it.

    Raises:
        ConfigError: The first reference that cannot be resolved.
    """
    for path, leaf in leaves(node):
        resolve(leaf.value, env, leaf.origin.at(path[-1] if path else ""))


def text_of(leaf: Leaf, env: Mapping[str, str], place: str) -> str | None:
    """The leaf's text with its references replaced; None when it is not text."""
    value = resolve(leaf.value, env, place)
    if isinstance(value, Loose):
        value = value.text
    return value if isinstance(value, str) else None


def _resolved_loose(value: Loose, env: Mapping[str, str], place: str) -> Loose:
    if not has_reference(value.natural):
        return value
    plain = _replaced(value.natural, env, place)
    return Loose(natural=plain, text=plain, shown=value.shown)


def _is_one_reference(value: str) -> bool:
    found = _REFERENCE.fullmatch(value)
    return found is not None and found["name"] is not None


def _replaced(value: Any, env: Mapping[str, str], place: str) -> Any:  # noqa: ANN401 - a TOML value
    if isinstance(value, str):
        return _REFERENCE.sub(lambda found: _replacement(found, env, place), value)
    if isinstance(value, list):
        return [_replaced(item, env, place) for item in value]
    if isinstance(value, dict):
        return {key: _replaced(item, env, place) for key, item in value.items()}
    return value


def _replacement(found: re.Match[str], env: Mapping[str, str], place: str) -> str:
    if found["escape"]:
        return "${"
    if found["malformed"]:
        raise ConfigError(
            f"{place}: {found[0]} is not a reference to a variable",
            hint="write ${env:NAME} or ${env:NAME:-default}; $${ stands for a literal ${",
        )
    name, default = found["name"], found["default"]
    value = env.get(name)
    if value or (value is not None and default is None):
        return value
    if default is None:
        raise UnsetVariable(
            f"{place}: the environment variable {name} is not set",
            hint=f"export {name}, or give it a default: ${{env:{name}:-value}}",
        )
    return default
