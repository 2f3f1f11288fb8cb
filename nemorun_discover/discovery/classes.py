"""The enums and dataclasses of a module, from the syntax tree."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nemorun_discover.discovery.scope import Names

_ENUMS = frozenset(f"enum.{name}" for name in ("Enum", "IntEnum", "StrEnum", "Flag", "IntFlag"))
_PLAIN = frozenset({"builtins.object", "abc.ABC", "typing.Protocol"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Field:
    """One argument of a dataclass's constructor."""

    name: str
    annotation: ast.expr
    has_default: bool


def enum_members(node: ast.ClassDef, names: Names) -> tuple[str, ...] | None:
    """Return the member names of an enum; None when the class is none."""
    if not _is_enum(node, names, depth=0):
        return None
    members = [name for statement in node.body for name in _assigned(statement)]
    return tuple(dict.fromkeys(name for name in members if not name.startswith("_")))


def dataclass_fields(node: ast.ClassDef, names: Names, depth: int = 0) -> list[Field] | None:
    """Return the fields of a dataclass, inherited ones first; None when that cannot be told."""
    if not _is_dataclass(node, names) or depth > len(names.classes):
        return None
    fields: dict[str, Field] = {}
    for base in reversed(node.bases):
        local = names.classes.get(base.id) if isinstance(base, ast.Name) else None
        inherited = None if local is None else dataclass_fields(local, names, depth + 1)
        if inherited is not None:
            fields.update((field.name, field) for field in inherited)
        elif names.origin(base) not in _PLAIN:
            return None
    for statement in node.body:
        field = _field(statement, names)
        if field is not None:
            fields[field.name] = field
    return list(fields.values())


def _is_enum(node: ast.ClassDef, names: Names, depth: int) -> bool:
    if depth > len(names.classes):
        return False  # a class that inherits from itself
    for base in node.bases:
        if names.origin(base) in _ENUMS:
            return True
        local = names.classes.get(base.id) if isinstance(base, ast.Name) else None
        if local is not None and _is_enum(local, names, depth + 1):
            return True
    return False


def _assigned(statement: ast.stmt) -> list[str]:
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
        targets = [statement.target]
    else:
        return []
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _is_dataclass(node: ast.ClassDef, names: Names) -> bool:
    targets = [each.func if isinstance(each, ast.Call) else each for each in node.decorator_list]
    return any(names.origin(target) == "dataclasses.dataclass" for target in targets)


def _field(statement: ast.stmt, names: Names) -> Field | None:
    if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.target, ast.Name):
        return None
    annotation = statement.annotation
    plain = annotation.value if isinstance(annotation, ast.Subscript) else annotation
    if names.origin(plain) in ("typing.ClassVar", "dataclasses.KW_ONLY"):
        return None
    options = _field_options(statement.value, names)
    if options is None:
        has_default = statement.value is not None
    elif _is_false(options.get("init")):
        return None
    else:
        has_default = "default" in options or "default_factory" in options
    return Field(name=statement.target.id, annotation=annotation, has_default=has_default)


def _field_options(value: ast.expr | None, names: Names) -> dict[str | None, ast.expr] | None:
    """Return the keywords of `dataclasses.field(...)`; None for any other value."""
    if not isinstance(value, ast.Call) or names.origin(value.func) != "dataclasses.field":
        return None
    return {option.arg: option.value for option in value.keywords}


def _is_false(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is False
