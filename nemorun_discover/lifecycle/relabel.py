"""Ids of jobs after something about them was changed: honest, and unique in the experiment. Pure."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from nemorun_discover.discovery.label import Varied, labels
from nemorun_discover.discovery.slug import slugs_of

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
        old: The jobs before the change, upstream ones first.
        new: The same jobs after it, each with the id it should have; `after` still names the old ids.

    Returns:
        The jobs, and the old ids of those that have become the same job as an earlier one, with the id of
        that one: they run once.
    """
    ids: dict[str, str] = {}
    kept: dict[str, Job] = {}
    contents: dict[str, str] = {}
    same: list[tuple[str, str]] = []
    for before, job in zip(old, new, strict=True):
        linked = _linked(job, ids)
        content = _content(linked)
        if content in contents:
            ids[before.id] = contents[content]
            same.append((before.id, contents[content]))
            continue
        ids[before.id] = _free(job.id, kept)
        contents[content] = ids[before.id]
        kept[ids[before.id]] = replace(linked, id=ids[before.id])
    slugs = slugs_of(list(kept))
    return (
        tuple(replace(job, slug=slug) for job, slug in zip(kept.values(), slugs, strict=True)),
        tuple(same),
    )


def _linked(job: Job, ids: Mapping[str, str]) -> Job:
    after = {
        task: tuple(dict.fromkeys(ids[one] for one in upstream))
        for task, upstream in job.after.items()
    }
    conditions = {ids[one]: how for one, how in job.conditions.items()}
    return replace(job, after=after, conditions=conditions)


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
