"""The contract of schedulers, which the package ships, under the name by which our own tests know it."""

from __future__ import annotations

from nemorun_discover.testing import JobPlace, Place, SchedulerContract
from nemorun_discover.testing.place import (
    PATIENCE_S,
    WAIT,
    all_final,
    begin,
    fact_of,
    go,
    state_of,
    submitted,
    taken_over,
    until,
    until_final,
    waiting,
)

__all__ = [
    "PATIENCE_S",
    "WAIT",
    "JobPlace",
    "Place",
    "SchedulerContract",
    "all_final",
    "begin",
    "fact_of",
    "go",
    "state_of",
    "submitted",
    "taken_over",
    "until",
    "until_final",
    "waiting",
]
