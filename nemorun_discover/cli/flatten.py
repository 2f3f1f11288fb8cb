"""Nested results as columns: `{"a": {"b": 1}}` is the column `a.b`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nemorun_discover.model.task import Json


def flatten(value: dict[str, Json], prefix: str = "") -> dict[str, Json]:
    """The leaves of nested objects by their dotted path; lists and empty objects are leaves."""
    leaves: dict[str, Json] = {}
    for name, one in value.items():
        path = f"{prefix}{name}"
        if isinstance(one, dict) and one:
            leaves |= flatten(one, f"{path}.")
        else:
            leaves[path] = one
    return leaves
