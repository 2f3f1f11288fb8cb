"""What `nemorun doctor` finds: data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How a check went."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: One word or two, for scripts.
        message: What was found.
        remedy: What to do about it; None when it is fine.
    """

    name: str
    verdict: Verdict
    message: str
    remedy: str | None = None
