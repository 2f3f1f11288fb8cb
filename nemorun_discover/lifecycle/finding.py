"""One thing that a check has found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nemorun_discover.lifecycle.leaves import Difference


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """Whether something is as it was.

    Attributes:
        area: `code`, `config` or `interpreter`.
        holds: None for what cannot be proven.
        message: A sentence.
        differences: What is not as it was, value by value.
    """

    area: str
    holds: bool | None
    message: str
    differences: tuple[Difference, ...] = ()
