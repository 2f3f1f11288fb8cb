"""Ids of jobs after something about them was changed: honest, and unique in the experiment. Pure."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from nemorun_discover.discovery.label import Varied, labels
from nemorun_discover.discovery.slug import slugs_of
from nemorun_discover.errors import UsageError
from nemorun_discover.lifecycle.leaves import as_words, is_same

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nemorun_discover.model.job import Job
    from nemorun_discover.model.task import Json


def relabelled(job_id: str, changed: Mapping[str, Json]) -> str:
    """The id with the new values in its brackets: `train[lr=0.1]@a` becomes `train[lr=0.5]@a`.

    A parameter that the brackets do not name yet comes last in them.
    """
    start, at, executor = job_id.rpartition("@")
    if not at:
        start, executor = job_id, ""
    file, colons, cell = start.rpartition("::")
    name, bracket, inside = cell.partition("[")
    parts = inside.removesuffix("]").split(",") if bracket else []
    for key, value in changed.items():
        part = labels([[Varied(values={key: value})]])[0]
        places = [index for index, one in enumerate(parts) if one.partition("=")[0] == key]
        if places:
            parts[places[0]] = part
        else:
            parts.append(part)
    label = f"[{','.join(parts)}]" if parts else ""
    return f"{file}{colons}{name}{label}{at}{executor}"


def on_executor(job_id: str, executor: str) -> str:
    """The id of the same job on another executor."""
    start, at, _ = job_id.rpartition("@")
    return f"{start if at else job_id}@{executor}"


def settle(
    old: Sequence[Job], new: Sequence[Job]
) -> tuple[tuple[Job, ...], tuple[tuple[str, str], ...]]:
    """The changed jobs with ids and folders of their own, waiting for each other as before.

    Args:
        old: The jobs before the change, upstream ones first; one that becomes several stands there as often.
        new: The same jobs after it, each with the id it should have; `after` still names the old ids. Of an
            upstream job that becomes several, a job waits for those with its own values of what they differ in,
            and of what it has not, for all.

    Returns:
        The jobs, and the old ids of those that have become the same job as an earlier one, with the id of
        that one: they run once.

    Raises:
        UsageError: A job waits for one that becomes several, none of them with its value.
    """
    became: dict[str, list[Job]] = {}
    kept: dict[str, Job] = {}
    contents: dict[str, str] = {}
    same: list[tuple[str, str]] = []
    for before, job in zip(old, new, strict=True):
        linked = _linked(job, became)
        content = _content(linked)
        if content in contents:
            same.append((before.id, contents[content]))
        else:
            contents[content] = _free(job.id, kept)
            kept[contents[content]] = replace(linked, id=contents[content])
        became.setdefault(before.id, []).append(kept[contents[content]])
    slugs = slugs_of(list(kept))
    return (
        tuple(replace(job, slug=slug) for job, slug in zip(kept.values(), slugs, strict=True)),
        tuple(same),
    )


def _linked(job: Job, became: Mapping[str, Sequence[Job]]) -> Job:
    ids = {
        one: [other.id for other in _meant(job, became[one])]
        for upstream in job.after.values()
        for one in upstream
    }
    after = {
        task: tuple(dict.fromkeys(other for one in upstream for other in ids[one]))
        for task, upstream in job.after.items()
    }
    conditions = {other: how for one, how in job.conditions.items() for other in ids.get(one, ())}
    return replace(job, after=after, conditions=conditions)


def _meant(job: Job, upstream: Sequence[Job]) -> Sequence[Job]:
    """Those that a job waits for, of the jobs that one has become."""
    if len(upstream) == 1:
        return upstream
    differing = [
        name
        for name, value in upstream[0].params.items()
        if name in job.params and any(not is_same(one.params.get(name), value) for one in upstream)
    ]
    found = [
        one
        for one in upstream
        if all(is_same(one.params.get(name), job.params[name]) for name in differing)
    ]
    if not found:
        values = ", ".join(f"{name}={as_words(job.params[name])}" for name in differing)
        raise UsageError(
            f"{job.id} comes after {upstream[0].task}, and none of its jobs has {values}",
            hint=f"give both the same values: {differing[0]}=A,B without --set",
        )
    return found


def _content(job: Job) -> str:
    return json.dumps(asdict(replace(job, slug="")), sort_keys=True)


def _free(job_id: str, taken: Mapping[str, Job]) -> str:
    """The id; with `-2`, `-3`, … where a job with another content has it."""
    start, at, executor = job_id.rpartition("@")
    number, free = 1, job_id
    while free in taken:
        number += 1
        free = f"{start}-{number}{at}{executor}" if at else f"{job_id}-{number}"
    return free
