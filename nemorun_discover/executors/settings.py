"""How a field of an executor's settings says what its annotation cannot: nesting and lower limits.

Both live in the field's metadata, so that the codec, the config's checks and the reference page
read one declaration.
"""

from __future__ import annotations

from dataclasses import field
from typing import Any

FAMILY = "family"
"""Metadata key: the family of kinds whose settings this field holds."""

MANY = "many"
"""Metadata key: True when the field holds a table from names to settings of its family."""

MINIMUM = "minimum"
"""Metadata key: the smallest number allowed."""


def at_least(minimum: float, default: float | None) -> Any:  # noqa: ANN401 - as dataclasses.field
    """A number with a default and a smallest value."""
    return field(default=default, metadata={MINIMUM: minimum})
