"""What a table of the configuration may hold, read from the dataclass that it becomes."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, fields
from typing import Any, get_type_hints

from nemorun_discover.executors.settings import FAMILY, MANY, MINIMUM


@dataclass(frozen=True, kw_only=True, slots=True)
class FieldSpec:
    """One key of a table.

    Attributes:
        hint: Its type.
        is_required: There is no default.
        family: The family of kinds whose settings it holds; None for a plain value.
        is_many: It holds a table from names to such settings.
        minimum: The smallest number allowed; None for no limit.
        default: The default; None when it is required.
    """

    name: str
    hint: Any
    is_required: bool
    family: str | None
    is_many: bool
    minimum: float | None
    default: Any


def fields_of(cls: type[Any]) -> dict[str, FieldSpec]:
    """The keys of a table that becomes an object of this dataclass, in order."""
    if cls not in _KNOWN:
        _KNOWN[cls] = _read(cls)
    return _KNOWN[cls]


_KNOWN: dict[type[Any], dict[str, FieldSpec]] = {}


def _read(cls: type[Any]) -> dict[str, FieldSpec]:
    hints = get_type_hints(cls)
    return {
        item.name: FieldSpec(
            name=item.name,
            hint=hints[item.name],
            is_required=item.default is MISSING and item.default_factory is MISSING,
            family=item.metadata.get(FAMILY),
            is_many=item.metadata.get(MANY, False),
            minimum=item.metadata.get(MINIMUM),
            default=_default_of(item.default, item.default_factory),
        )
        for item in fields(cls)
    }


def canonical_name(cls: type[Any], key: str) -> str:
    """The field's own name, for a key that may be another name of it."""
    aliases: dict[str, str] = getattr(cls, "ALIASES", {})
    return aliases.get(key, key)


def _default_of(default: Any, factory: Any) -> Any:  # noqa: ANN401 - as dataclasses.Field
    if factory is not MISSING:
        return factory()
    return None if default is MISSING else default
