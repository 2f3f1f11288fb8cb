"""What stands in the brackets of a job's id, and what `-k` reads of its parameters."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nemorun_discover.secrets import Known, promises_secret

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from nemorun_discover.model.task import Json

# Nothing that a shell, a path, a mount list or an id's own brackets and commas would take for itself.
_SAFE = re.compile(r"[A-Za-z0-9._+-]{1,40}")
_SAFE_ID = re.compile(r"[A-Za-z0-9._+=-]{1,40}")
_LONGEST_SHOWN = 80


@dataclass(frozen=True, kw_only=True, slots=True)
class Varied:
    """Parameters that one case of one task sets together.

    Attributes:
        values: By name, in the order of the signature.
        id: The case's label from `parametrize(ids=…)`; None where the values make it.
    """

    values: dict[str, Json]
    id: str | None = None


def value_text(value: Json) -> str:
    """A value as it is read by people: text as it is, floats as 0.0001, lists and dicts as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple | dict):
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return str(value)


def pairs_of(params: Mapping[str, Json]) -> tuple[str, ...]:
    """`key=value` of every parameter whose value is short."""
    return tuple(
        f"{key}={text}"
        for key, value in params.items()
        for text in [value_text(value)]
        if len(text) <= _LONGEST_SHOWN
    )


def labels(cases: Sequence[Sequence[Varied]]) -> list[str]:
    """One label per case, unique, safe in every shell; empty where nothing varies.

    Args:
        cases: What varies in each case of one task, in the order of the signature.

    Returns:
        `lr=0.0001,seed=1`. A value that is unsafe, long or a secret is shown as `key=key0`, counted over the task's
        distinct values; a label that is taken ends in `-2`, `-3`, ….
    """
    numbers = _numbers(cases)
    known = Known.in_environment(os.environ)
    found = [",".join(_parts(case, numbers, known)) for case in cases]
    return _made_unique(found)


def _parts(
    case: Sequence[Varied], numbers: dict[tuple[str, str], int], known: Known
) -> Iterable[str]:
    for varied in case:
        label = _safe_id(varied.id)
        if label:
            yield label
            continue
        for key, value in varied.values.items():
            text = value_text(value)
            is_shown = _SAFE.fullmatch(text) and not isinstance(value, list | tuple | dict)
            is_shown = is_shown and not (promises_secret(key, value) or known.found_in(text))
            yield f"{key}={text}" if is_shown else f"{key}={key}{numbers[key, text]}"


def _safe_id(label: str | None) -> str:
    """The label with `-` for what is unsafe; empty when hardly anything is left."""
    if label is None or _SAFE_ID.fullmatch(label):
        return label or ""
    return re.sub(r"[^A-Za-z0-9._+=-]+", "-", label)[:40].strip("-")


def _numbers(cases: Sequence[Sequence[Varied]]) -> dict[tuple[str, str], int]:
    """The place of each value among the distinct values of its parameter."""
    numbers: dict[tuple[str, str], int] = {}
    seen: Counter[str] = Counter()
    for case in cases:
        for varied in case:
            for key, value in varied.values.items():
                text = value_text(value)
                if (key, text) not in numbers:
                    numbers[key, text] = seen[key]
                    seen[key] += 1
    return numbers


def _made_unique(found: list[str]) -> list[str]:
    taken = set(found)
    times: Counter[str] = Counter()
    unique: list[str] = []
    for label in found:
        times[label] += 1
        if times[label] == 1:
            unique.append(label)
            continue
        number = times[label]
        while f"{label}-{number}" in taken:
            number += 1
        taken.add(f"{label}-{number}")
        unique.append(f"{label}-{number}")
    return unique
