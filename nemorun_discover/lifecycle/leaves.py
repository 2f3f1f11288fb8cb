"""Nested JSON as leaves by their dotted path, and what differs between two of them. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nemorun_discover.model.task import MISSING, Missing
from nemorun_discover.secrets import MASK, is_mark, masked

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nemorun_discover.model.task import Json


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """A value that is not the same on both sides.

    Attributes:
        place: What it belongs to: a job, an executor, a record.
        name: Which value of it; dotted where it is nested.
        before: MISSING where only the second side has it.
        after: MISSING where only the first side has it.
    """

    place: str
    name: str
    before: Json | Missing
    after: Json | Missing

    @property
    def change(self) -> float | int | None:
        """How much a number has grown; None for what is no number."""
        if not (_is_number(self.before) and _is_number(self.after)):
            return None
        return self.after - self.before  # type: ignore[operator, no-any-return]  # both are numbers


def leaves_of(value: Mapping[str, Json], prefix: str = "") -> dict[str, Json]:
    """The leaves of nested objects by dotted path; lists, empty objects and hidden secrets are leaves."""
    leaves: dict[str, Json] = {}
    for name, one in value.items():
        path = f"{prefix}{name}"
        if is_mark(one):
            leaves[path] = MASK
        elif isinstance(one, dict) and one:
            leaves |= leaves_of(one, f"{path}.")
        else:
            leaves[path] = masked(one)
    return leaves


def differences(
    place: str, before: Mapping[str, Json], after: Mapping[str, Json]
) -> list[Difference]:
    """What differs between two objects, leaf by leaf, in the order of the first."""
    left, right = leaves_of(before), leaves_of(after)
    return [
        Difference(
            place=place, name=name, before=left.get(name, MISSING), after=right.get(name, MISSING)
        )
        for name in dict.fromkeys([*left, *right])
        if not is_same(left.get(name, MISSING), right.get(name, MISSING))
        and not (_is_filled(name, left, right) or _is_filled(name, right, left))
    ]


def _is_filled(name: str, empty: Mapping[str, Json], other: Mapping[str, Json]) -> bool:
    """An empty object here, of which the other side's leaves say all there is to say."""
    return empty.get(name) == {} and any(one.startswith(f"{name}.") for one in other)


def is_same(before: Json | Missing, after: Json | Missing) -> bool:
    """Whether two values are the same JSON; `1` and `1.0` are, `1` and `true` are not."""
    if isinstance(before, bool) or isinstance(after, bool):
        return before is after
    if isinstance(before, dict) and isinstance(after, dict):
        return before.keys() == after.keys() and all(
            is_same(before[key], after[key]) for key in before
        )
    if isinstance(before, list) and isinstance(after, list):
        return len(before) == len(after) and all(map(is_same, before, after))
    return bool(before == after)


def as_words(value: Json | Missing) -> str:
    """A value as sentences name it: JSON; `nothing` for null and for what is not there."""
    return "nothing" if value in (None, MISSING) else json.dumps(value, ensure_ascii=False)


def _is_number(value: Json | Missing) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
