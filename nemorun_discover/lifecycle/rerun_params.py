"""Parameters of recorded jobs with new values, of the type that the recorded ones have. Pure."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import TYPE_CHECKING

from nemorun_discover.discovery.names import did_you_mean
from nemorun_discover.errors import UsageError
from nemorun_discover.lifecycle.leaves import as_words, is_same
from nemorun_discover.lifecycle.relabel import relabelled
from nemorun_discover.secrets import MASK, is_mark, masked, promises_secret

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nemorun_discover.lifecycle.rerun_changes import NewValue
    from nemorun_discover.model.job import Job
    from nemorun_discover.model.record import Record
    from nemorun_discover.model.task import Json

_IDS_SHOWN = 3


def with_new_values(
    jobs: Sequence[Job], values: Sequence[NewValue]
) -> tuple[tuple[Job, ...], tuple[str, ...]]:
    """The jobs with new values and the ids that go with them, and a sentence for every change.

    Raises:
        UsageError: No job has such a parameter, or the text is nothing of its type.
    """
    ids = [job.id for job in jobs]
    sentences: list[str] = []
    for value in values:
        changed = [_with_value(job, value) for job in jobs]
        _require_one(jobs, value)
        sentences += _sentences(ids, jobs, changed, value.name)
        jobs = changed
    return tuple(jobs), tuple(sentences)


def _with_value(job: Job, value: NewValue) -> Job:
    if not _has(job, value):
        return job
    before = job.params[value.name]
    if value.name in job.exact:
        raise UsageError(
            f"{value.typed}: {value.name} of {job.id} is a Python object, which no text stands for",
            hint="change it in the script that launched the experiment",
        )
    # What a secret was of is not known; a number is as `nemorun run` reads one where nothing tells the type.
    after = value.text if is_mark(before) else _typed(value, before)
    if is_same(before, after):
        return job
    return replace(
        job,
        id=relabelled(job.id, {value.name: after}),
        params={**job.params, value.name: after},
    )


def _has(job: Job, value: NewValue) -> bool:
    return value.name in job.params and value.task in (None, job.task)


def _require_one(jobs: Sequence[Job], value: NewValue) -> None:
    if any(_has(job, value) for job in jobs):
        return
    known = list(dict.fromkeys(name for job in jobs for name in job.params))
    whom = f"no job of {value.task}" if value.task else "no job that runs again"
    raise UsageError(
        f"{value.typed}: {whom} has a parameter {value.name!r}{did_you_mean(value.name, known)}",
        hint=f"there are: {', '.join(known)}" if known else "they have no parameters",
    )


def _typed(value: NewValue, before: Json) -> Json:
    """The text as a value of the recorded one's type.

    Raises:
        UsageError: It is none.
    """
    try:
        return _read(value.text, before)
    except ValueError as error:
        raise UsageError(
            f"{value.typed}: {value.name} was {as_words(before)}, and {value.text!r} is no such value"
        ) from error


def _read(text: str, before: Json) -> Json:
    if isinstance(before, str):
        return text
    if isinstance(before, int | float) and not isinstance(before, bool):
        return _number(text, before)
    if before is None:
        return _scalar(text)
    read = _json(text.lower() if isinstance(before, bool) else text)
    if type(read) is not type(before):
        raise ValueError(text)
    return read


def _number(text: str, before: float) -> float | int:
    try:
        return int(text) if isinstance(before, int) else _finite(float(text))
    except ValueError:
        return _finite(float(text))


def _finite(number: float) -> float:
    if not math.isfinite(number):
        raise ValueError(number)
    return number


def _json(text: str) -> Json:
    """Of JSON, what is not a number (`NaN`) is refused."""
    return json.loads(text, parse_constant=lambda word: _finite(float(word)))


def _scalar(text: str) -> Json:
    """A value whose type nothing tells: a number, true, false, null, and else text."""
    try:
        read = _json(text)
    except ValueError:
        return text
    return read if read is None or isinstance(read, bool | int | float) else text


def _sentences(
    ids: Sequence[str], before: Sequence[Job], after: Sequence[Job], name: str
) -> list[str]:
    """`lr = 0.5 instead of 0.1 in train[lr=0.1]@local`, once for every pair of values."""
    where: dict[tuple[str, str], list[str]] = {}
    for job_id, old, new in zip(ids, before, after, strict=True):
        if old is not new:
            pair = (_words(name, new.params[name]), _words(name, old.params[name]))
            where.setdefault(pair, []).append(job_id)
    return [
        f"{name} = {new} instead of {old} in {_named(found)}" for (new, old), found in where.items()
    ]


def _words(name: str, value: Json) -> str:
    return MASK if is_mark(value) or promises_secret(name, value) else as_words(masked(value))


def _named(ids: Sequence[str]) -> str:
    return ", ".join(ids) if len(ids) <= _IDS_SHOWN else f"{len(ids)} jobs"


def mismatches(record: Record, before: Sequence[Job], after: Sequence[Job]) -> list[str]:
    """A sentence for every value that a job shared with one it comes after, and does not any more.

    Args:
        record: What ran then.
        before: The jobs that run again, as they were.
        after: The same with their new values.
    """
    params = {job.id: job.params for job in record.jobs}
    now = {old.id: new for old, new in zip(before, after, strict=True)}
    sentences = []
    for job in record.jobs:
        upstream = [one for ids in job.after.values() for one in ids] if job.id in now else []
        for one in upstream:
            used = now[one].params if one in now else params[one]
            sentences += [
                f"{now[job.id].id} has {name} = {as_words(value)}, and {now[one].id if one in now else one},"
                f" which it comes after, has {as_words(used[name])}"
                for name, value in now[job.id].params.items()
                if name in used
                and not is_same(value, used[name])
                and is_same(job.params.get(name), params[one].get(name))
            ]
    return sentences
