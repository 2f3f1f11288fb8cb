"""Jobs of two experiments side by side: which belong together, and how they differ. Pure."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from nemorun_discover.discovery.cell import label_of
from nemorun_discover.lifecycle.leaves import Difference, differences

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from nemorun_discover.model.job import Job
    from nemorun_discover.model.status import JobStatus
    from nemorun_discover.model.task import Json

_OWN_SETTINGS = (
    "file",
    "function",
    "module",
    "script",
    "args",
    "after",
    "inputs",
    "conditions",
    "group",
)
_LIMITS = ("timeout_s", "retries")


@dataclass(frozen=True, kw_only=True, slots=True)
class Pairs:
    """Which jobs belong together.

    Attributes:
        pairs: In the order of the first experiment.
        only_first: Ids of jobs that only the first one has.
        only_second: Ids of jobs that only the second one has.
    """

    pairs: tuple[tuple[Job, Job], ...]
    only_first: tuple[str, ...]
    only_second: tuple[str, ...]


def pair_jobs(first: Sequence[Job], second: Sequence[Job]) -> Pairs:
    """Jobs of the same id; of those left, of the same task on the same executor; then of the same cell."""
    left, right = list(first), list(second)
    pairs: list[tuple[Job, Job]] = []
    keys: tuple[Callable[[Job], object], ...] = (
        lambda job: job.id,
        lambda job: (job.task, job.executor),
        lambda job: label_of(job.id),
    )
    for key in keys:
        for one in list(left):
            other = next((job for job in right if key(job) == key(one)), None)
            if other is not None:
                pairs.append((one, other))
                left.remove(one)
                right.remove(other)
    places = {job.id: index for index, job in enumerate(first)}
    return Pairs(
        pairs=tuple(sorted(pairs, key=lambda pair: places[pair[0].id])),
        only_first=tuple(job.id for job in left),
        only_second=tuple(job.id for job in right),
    )


def parameter_differences(pairs: Sequence[tuple[Job, Job]]) -> tuple[Difference, ...]:
    """What was sent to one job of a pair and not to the other."""
    return tuple(
        found
        for one, other in pairs
        for found in differences(
            place_of(one, other), {**one.params, **one.exact}, {**other.params, **other.exact}
        )
    )


def setting_differences(pairs: Sequence[tuple[Job, Job]]) -> tuple[Difference, ...]:
    """What else was asked of one job of a pair and not of the other."""
    ids = {one.id: other.id for one, other in pairs}
    return tuple(
        found
        for one, other in pairs
        for found in differences(place_of(one, other), _settings(one, ids), _settings(other, {}))
    )


def _settings(job: Job, ids: Mapping[str, str]) -> dict[str, Json]:
    """The job's own settings, with the ids that their counterparts have in the other experiment."""
    table = asdict(job)
    settings = {name: table[name] for name in (*_OWN_SETTINGS, *_LIMITS)}
    settings["args"] = list(job.args)
    settings["inputs"] = list(job.inputs)
    settings["after"] = {
        task: sorted(ids.get(one, one) for one in upstream) for task, upstream in job.after.items()
    }
    settings["conditions"] = {ids.get(one, one): str(how) for one, how in job.conditions.items()}
    return settings


def result_differences(
    pairs: Sequence[tuple[Job, Job]],
    first: Mapping[str, JobStatus],
    second: Mapping[str, JobStatus],
) -> tuple[Difference, ...]:
    """How the jobs of each pair ended, and what they returned; numbers are equal to the last digit.

    Args:
        pairs: Which jobs belong together.
        first: By id, where the jobs of the first experiment stand.
        second: The same of the second.
    """
    return tuple(
        found
        for one, other in pairs
        for found in differences(
            place_of(one, other), _outcome(first[one.id]), _outcome(second[other.id])
        )
    )


def _outcome(job: JobStatus) -> dict[str, Json]:
    outcome: dict[str, Json] = {
        "state": str(job.state),
        "reason": job.reason,
        "exit_code": job.exit_code,
        "signal": job.signal,
    }
    return outcome if job.result is None else {**outcome, "result": job.result}


def place_of(one: Job, other: Job) -> str:
    """How a pair is called: by its id, or both."""
    return one.id if one.id == other.id else f"{one.id}, {other.id}"
