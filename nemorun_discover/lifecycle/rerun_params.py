"""Parameters of recorded jobs with new values, read as `nemorun run` reads them, by the annotations of the record."""

from __future__ import annotations

import itertools
import json
import math
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from nemorun_discover.config.code_tasks import parameter_value
from nemorun_discover.config.import_roots import import_roots
from nemorun_discover.config.load import load_config
from nemorun_discover.discovery.draft import MOST_JOBS
from nemorun_discover.discovery.dynamic import describe_types
from nemorun_discover.discovery.expand import has_unknown
from nemorun_discover.discovery.names import did_you_mean
from nemorun_discover.discovery.scan_codec import decode_type
from nemorun_discover.discovery.values import (
    check_json,
    convert,
    split_values,
    type_like,
)
from nemorun_discover.errors import UsageError
from nemorun_discover.lifecycle.leaves import as_words, is_same
from nemorun_discover.lifecycle.relabel import relabelled
from nemorun_discover.model.task import ANY, TypeKind
from nemorun_discover.secrets import MASK, is_mark, masked, promises_secret

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from nemorun_discover.discovery.arguments import Assignment
    from nemorun_discover.lifecycle.rerun_changes import NewDefault
    from nemorun_discover.model.job import Job
    from nemorun_discover.model.record import Project, Record
    from nemorun_discover.model.task import Json, TypeSpec

_IDS_SHOWN = 3


class RecordedTypes:
    """The annotations of the parameters of recorded jobs.

    Where the record has none (of an earlier version, or of a function that tells none), a value is of the type
    of the recorded one. A type that only an import tells is learnt from the project as it is now, as a run does;
    where its file is gone, from the recorded value again.

    Args:
        project: Where the jobs come from.
        types: As the record has them.
        env: May forbid an import (NEMORUN_NO_IMPORT).
    """

    def __init__(
        self,
        project: Project,
        types: Mapping[str, Mapping[str, Json]],
        env: Mapping[str, str] | None = None,
    ) -> None:
        self._project = project
        self._env = env
        self._types = types
        self._described: dict[str, Mapping[str, TypeSpec]] = {}

    def names(self, job: Job) -> list[str]:
        """The parameters that a job can be given: those it had, and those that its task has."""
        return list(dict.fromkeys((*job.params, *self._types.get(job.task_key, {}))))

    def of(self, job: Job, name: str) -> TypeSpec:
        """The type of one of them.

        Raises:
            CollectionError: It takes an import, which fails.
        """
        known = self._types.get(job.task_key, {})
        if name not in known:
            return _type_of_recorded(job, name)
        spec = decode_type(known[name])
        if not (has_unknown(spec) and job.function and job.file):
            return spec
        if not Path(self._project.root, job.file).is_file():
            return _type_of_recorded(job, name)  # the project is gone; its package runs
        return self._described_types(job).get(name, spec) if self._may_import else spec

    @cached_property
    def _may_import(self) -> bool:
        """Whether the project lets its files be imported to learn what they hold, now."""
        root, file = Path(self._project.root), self._project.config
        if file is not None and not Path(file).exists():
            file = None
        return load_config(
            root, file=None if file is None else Path(file), env=self._env
        ).may_import

    def _described_types(self, job: Job) -> Mapping[str, TypeSpec]:
        if job.task_key not in self._described:
            root = Path(self._project.root)
            path = (*self._project.pythonpath, *import_roots(root, job.file))
            self._described[job.task_key] = describe_types(root, job.file, str(job.function), path)
        return self._described[job.task_key]


def _type_of_recorded(job: Job, name: str) -> TypeSpec:
    """The type of the value that a job had; ANY where that is no value that was typed, or a secret's mark."""
    before = job.params.get(name)
    is_typed = name in job.params and name not in job.exact and not is_mark(before)
    return type_like(before) if is_typed else ANY


def with_new_values(
    jobs: Sequence[Job],
    given: Sequence[Assignment],
    types: RecordedTypes,
    *,
    defaults: Iterable[NewDefault] = (),
    env: Mapping[str, str] | None = None,
) -> tuple[tuple[tuple[Job, Job], ...], tuple[str, ...]]:
    """Each job beside what it becomes, several times for a sweep, and a sentence for every change.

    Args:
        jobs: Those that run again.
        given: `key=value` and `--set`; a list of values makes a job of each.
        types: Of their parameters.
        defaults: `-o`; `given` wins over them.
        env: What references in `defaults` are resolved from.

    Raises:
        UsageError: No job has such a parameter, the text is nothing of its type, or a sweep would tear a group
            apart.
        ConfigError: A value of `-o` is of another type.
    """
    defaults = tuple(defaults)
    _require_known(jobs, given, defaults, types)
    pairs: list[tuple[Job, Job]] = []
    for job in jobs:
        choices = _choices(job, given, defaults, types, env or {})
        if math.prod(map(len, choices.values())) > MOST_JOBS:
            raise UsageError(f"{job.id} would become more than {MOST_JOBS} jobs")
        swept = [name for name, values in choices.items() if len(values) > 1]
        if swept and job.group is not None:
            raise UsageError(
                f"{job.id} is a member of the group {job.group}, and {swept[0]} has several values",
                hint="give it one: a group runs again as a whole, and once",
            )
        for values in itertools.product(*choices.values()):
            chosen = dict(zip(choices, values, strict=True))
            pairs.append((job, _with_values(job, chosen, swept)))
    return tuple(pairs), tuple(_sentences(pairs))


def _require_known(
    jobs: Sequence[Job],
    given: Sequence[Assignment],
    defaults: Sequence[NewDefault],
    types: RecordedTypes,
) -> None:
    wanted = [(one.typed, one.task, one.name) for one in given]
    wanted += [(one.place, one.task, one.name) for one in defaults]
    for typed, task, name in wanted:
        mine = [job for job in jobs if _is_for(task, job)]
        if any(name in types.names(job) for job in mine):
            continue
        known = list(dict.fromkeys(one for job in mine or jobs for one in types.names(job)))
        whom = f"no job of {task}" if task else "no job that runs again"
        raise UsageError(
            f"{typed}: {whom} has a parameter {name!r}{did_you_mean(name, known)}",
            hint=f"there are: {', '.join(known)}" if known else "they have no parameters",
        )


def _is_for(task: str | None, job: Job) -> bool:
    return task in (None, job.task, f"{job.file}::{job.task}")


def _choices(
    job: Job,
    given: Sequence[Assignment],
    defaults: Sequence[NewDefault],
    types: RecordedTypes,
    env: Mapping[str, str],
) -> dict[str, list[Json]]:
    """By parameter, the values that the job is given; each once."""
    names = types.names(job)
    found: dict[str, list[Json]] = {}
    for default in defaults:
        name, place = default.name, default.place
        if name in names and _is_for(default.task, job):
            spec = types.of(job, name)
            _refuse_objects(job, name, spec, place)
            value = parameter_value(name, spec, default.node, env, place)
            found[name] = [check_json(value, spec, name=name, where=place)]
    mine = [one for one in given if one.name in names and _is_for(one.task, job)]
    for one in sorted(mine, key=lambda one: one.task is not None):
        spec = types.of(job, one.name)
        _refuse_objects(job, one.name, spec, one.typed)
        values = [
            convert(piece, spec, name=one.name, task=job.task)
            for piece in split_values(one.text, name=one.name)
        ]
        found[one.name] = list({json.dumps(one, sort_keys=True): one for one in values}.values())
    return found


def _refuse_objects(job: Job, name: str, spec: TypeSpec, typed: str) -> None:
    """Refuse a text for what only a script can make; an annotation says what a text means (an int for a float)."""
    if name in job.exact and (spec.kind is TypeKind.ANY or has_unknown(spec)):
        raise UsageError(
            f"{typed}: {name} of {job.id} is a Python object, which no text stands for",
            hint="change it in the script that launched the experiment",
        )


def _with_values(job: Job, values: Mapping[str, Json], swept: Sequence[str]) -> Job:
    changed = {
        name: value
        for name, value in values.items()
        if name not in job.params or not is_same(job.params[name], value)
    }
    told = {name: value for name, value in values.items() if name in changed or name in swept}
    if not told:
        return job
    return replace(
        job,
        id=relabelled(job.id, told),
        params={**job.params, **changed},
        exact={name: value for name, value in job.exact.items() if name not in changed},
    )


def _sentences(pairs: Sequence[tuple[Job, Job]]) -> list[str]:
    """`lr = 0.5 instead of 0.1 in train[lr=0.1]@local`, once for every pair of values of a parameter."""
    where: dict[tuple[str, str, str], list[str]] = {}
    for old, new in pairs:
        for name, value in new.params.items():
            if name not in old.params or not is_same(old.params[name], value):
                before = _words(name, old.params[name]) if name in old.params else "its default"
                where.setdefault((name, _words(name, value), before), []).append(old.id)
    return [
        f"{name} = {new} instead of {old} in {_named(found)}"
        for (name, new, old), found in where.items()
    ]


def _words(name: str, value: Json) -> str:
    return MASK if is_mark(value) or promises_secret(name, value) else as_words(masked(value))


def _named(ids: Sequence[str]) -> str:
    return ", ".join(ids) if len(ids) <= _IDS_SHOWN else f"{len(ids)} jobs"


def mismatches(record: Record, pairs: Sequence[tuple[Job, Job]]) -> list[str]:
    """A sentence for every value that a job shared with one it comes after, and does not any more.

    Args:
        record: What ran then.
        pairs: The jobs that run again, as they were and with their new values.
    """
    then = {job.id: job for job in record.jobs}
    now: dict[str, list[Job]] = {}
    for old, new in pairs:
        now.setdefault(old.id, []).append(new)
    sentences = []
    for old, new in pairs:
        job = then[old.id]
        for one in (one for ids in job.after.values() for one in ids):
            upstream = now.get(one, [then[one]])
            sentences += [
                f"{new.id} has {name} = {_words(name, value)}, and {upstream[0].id},"
                f" which it comes after, has {_words(name, upstream[0].params[name])}"
                for name, value in new.params.items()
                if name in upstream[0].params
                and not any(is_same(value, other.params[name]) for other in upstream)
                and is_same(job.params.get(name), then[one].params.get(name))
            ]
    return sentences
