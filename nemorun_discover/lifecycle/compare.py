"""What differs between two experiments: code, parameters, configuration, environment and results."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nemorun_discover.lifecycle.compare_code import CodeComparison, compare_code
from nemorun_discover.lifecycle.compare_jobs import (
    pair_jobs,
    parameter_differences,
    result_differences,
    setting_differences,
)
from nemorun_discover.lifecycle.leaves import Difference, differences
from nemorun_discover.lifecycle.live_code import START, code_sentences, planned_code
from nemorun_discover.lifecycle.observe import observe_record
from nemorun_discover.model.task import MISSING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from nemorun_discover.model.job import Job
    from nemorun_discover.model.record import Record
    from nemorun_discover.model.status import JobStatus
    from nemorun_discover.model.task import Json
    from nemorun_discover.packaging.live import LiveCode
    from nemorun_discover.store.home import Home


_NOTHING: tuple[object, ...] = (None, False, "", [], {})


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """How two experiments differ.

    Attributes:
        only_first: Ids of jobs without a counterpart in the second.
        only_second: Ids of jobs without a counterpart in the first.
        unknown: What the records cannot tell, a sentence each; the code's own stand there.
    """

    first: str
    second: str
    code: CodeComparison
    only_first: tuple[str, ...] = ()
    only_second: tuple[str, ...] = ()
    parameters: tuple[Difference, ...] = ()
    config: tuple[Difference, ...] = ()
    environment: tuple[Difference, ...] = ()
    results: tuple[Difference, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def is_equal(self) -> bool:
        """True when nothing was found to differ."""
        return not (
            *self.code.files,
            *self.code.differences,
            *self.only_first,
            *self.only_second,
            *self.parameters,
            *self.config,
            *self.environment,
            *self.results,
        )


def compare(home: Home, first_id: str, second_id: str) -> Comparison:
    """How two experiments differ.

    Raises:
        StoreError: A record cannot be read.
    """
    first, second = home.read_record(first_id), home.read_record(second_id)
    jobs = pair_jobs(first.jobs, second.jobs)
    before = {job.id: job for job in observe_record(home, first).jobs}
    after = {job.id: job for job in observe_record(home, second).jobs}
    codes = (_planned_code(home, first), _planned_code(home, second))
    code = compare_code(home.layout.packages, first, second, codes)
    ran = _ran_other_code(jobs.pairs, (before, after), codes)
    return Comparison(
        first=first.id,
        second=second.id,
        code=replace(code, differences=(*code.differences, *ran)),
        only_first=jobs.only_first,
        only_second=jobs.only_second,
        parameters=parameter_differences(jobs.pairs),
        config=(*_config(first, second), *setting_differences(jobs.pairs)),
        environment=tuple(_environment(first, second)),
        results=result_differences(jobs.pairs, before, after),
        unknown=tuple(_not_recorded(first, second)),
    )


def _planned_code(home: Home, record: Record) -> LiveCode | None:
    return None if record.live_code is None else planned_code(home.layout.experiment(record.id))


def _ran_other_code(
    pairs: Sequence[tuple[Job, Job]],
    statuses: tuple[Mapping[str, JobStatus], Mapping[str, JobStatus]],
    codes: tuple[LiveCode | None, LiveCode | None],
) -> Iterator[str]:
    """What is to be said of jobs that ran other files than they were planned with, and than their counterpart."""
    before, after = statuses
    apart = [
        (before[one.id], after[other.id])
        for one, other in pairs
        if _ran(before[one.id], codes[0]) != _ran(after[other.id], codes[1])
    ]
    for sentence in code_sentences(one for one, _ in apart):
        yield f"in the first, {sentence}"
    for sentence in code_sentences(other for _, other in apart):
        yield f"in the second, {sentence}"


def _ran(job: JobStatus, planned: LiveCode | None) -> object:
    """Something that is equal where two jobs ran the same files."""
    changed = job.attempts[-1].code if job.attempts else ()
    digests = [one.digest for one in changed]
    if planned is not None and not any(one.when == START for one in changed):
        digests.insert(0, planned.digest)
    return digests


def _config(first: Record, second: Record) -> Iterator[Difference]:
    yield from differences("experiment", _asked(first), _asked(second))
    for one, other in _executor_pairs(first, second):
        place = f"executor {one}" if one == other else f"executor {one}, {other}"
        yield from executor_differences(
            place, first.executors.get(one), second.executors.get(other)
        )


def _asked(record: Record) -> dict[str, Json]:
    """What concerns the experiment as a whole."""
    return {
        "project.root": record.project.root,
        "project.name": record.project.name,
        "project.config": record.project.config,
        "project.pythonpath": list(record.project.pythonpath),
        "max_jobs": record.max_jobs,
        "maxfail": record.maxfail,
        "groups": {name: str(policy) for name, policy in record.groups.items()},
        "plugins": {one.name: one.fields or True for one in record.plugins},
        "without_plugins": list(record.without_plugins),
    }


def _executor_pairs(first: Record, second: Record) -> list[tuple[str, str]]:
    """Executors of one name; where each side has one left, these two."""
    shared = [(name, name) for name in first.executors if name in second.executors]
    left = [name for name in first.executors if name not in second.executors]
    right = [name for name in second.executors if name not in first.executors]
    if len(left) == len(right) == 1:
        return [*shared, (left[0], right[0])]
    return [*shared, *((name, name) for name in (*left, *right))]


def executor_differences(
    place: str, before: Mapping[str, Json] | None, after: Mapping[str, Json] | None
) -> list[Difference]:
    """The fields in which two executors differ; one line for an executor that is on one side only.

    A field that only one side's kind has, and that says nothing there, is no difference.
    """
    if before is None or after is None:
        kinds = [MISSING if one is None else one.get("kind") for one in (before, after)]
        return [Difference(place=place, name="kind", before=kinds[0], after=kinds[1])]
    return [
        one
        for one in differences(place, before, after)
        if not (one.before is MISSING and one.after in _NOTHING)
        and not (one.after is MISSING and one.before in _NOTHING)
    ]


def _environment(first: Record, second: Record) -> Iterator[Difference]:
    yield from differences("machine", _machine(first), _machine(second))
    one, other = first.interpreter, second.interpreter
    if one is not None and other is not None:
        yield from differences("interpreter", {"path": one.executable}, {"path": other.executable})
        yield from installed_differences(one.installed, other.installed)
        if one.editable is not None and other.editable is not None:
            before, after = (
                {name: each.digest for name, each in place.items()}
                for place in (one.editable, other.editable)
            )
            yield from differences("editable code", before, after)


def installed_differences(before: Mapping[str, str], after: Mapping[str, str]) -> list[Difference]:
    """The distributions that are installed in one of two interpreters, or in another version."""
    return [
        Difference(
            place="installed",
            name=name,
            before=before.get(name, MISSING),
            after=after.get(name, MISSING),
        )
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    ]


def _machine(record: Record) -> dict[str, Json]:
    return {**record.versions, "host": record.host, "user": record.user}


def _not_recorded(first: Record, second: Record) -> Iterator[str]:
    for record in (first, second):
        if record.interpreter is None:
            yield f"{record.id} does not say what was installed: an older nemorun wrote it"
