"""What one `sbatch` submits: a job, an array of jobs that differ in parameters only, or a group. Pure.

    units = units_of(submissions, max_array_size=1001)
    batch_script(units[0], paths)                       # script.py

A unit's name is made of its attempts, so whoever plans the same again submits under the same key.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from types import MappingProxyType
from typing import TYPE_CHECKING

from nemorun_discover.errors import ConfigError
from nemorun_discover.schedulers.slurm.shape import settings_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nemorun_discover.schedulers.protocol import Submission

_DIGITS = 8
_LONGEST = 80


class Form(StrEnum):
    """What a unit is to Slurm."""

    JOB = "job"
    ARRAY = "array"
    GROUP = "group"
    HETEROGENEOUS = "heterogeneous"


@dataclass(frozen=True, kw_only=True, slots=True)
class Unit:
    """What one sbatch submits.

    Attributes:
        name: Safe for any file system, unique in the experiment, the same whenever it is made of the same
            attempts.
        form: What it is to Slurm.
        submissions: Its attempts: the array's tasks from index 0 on, or the group's members.
    """

    name: str
    form: Form
    submissions: tuple[Submission, ...]

    @property
    def first(self) -> Submission:
        """The one that speaks for all where they are alike."""
        return self.submissions[0]

    @property
    def key(self) -> str:
        """The submit key, by which the unit is found again on the cluster."""
        return f"{self.first.experiment_id}/{self.name}"


def units_of(
    submissions: Sequence[Submission],
    *,
    max_array_size: int,
    planned: Mapping[str, str] = MappingProxyType({}),
) -> list[Unit]:
    """The units of these attempts, which all go to one cluster, in the order of their first.

    Jobs of one task, on one executor, that differ in parameters and wait for the same jobs become arrays,
    unless `array = false`. Members of a group become one unit.

    Args:
        submissions: The attempts.
        max_array_size: The most tasks that an array of this cluster has (MaxArraySize - 1 is its last index); 0 where
            the site has switched arrays off.
        planned: By attempt, the name of the unit that it was planned in before: those stay together.

    Raises:
        ConfigError: An executor's `array` is a text.
    """
    alike: dict[tuple[object, ...], list[Submission]] = {}
    for one in submissions:
        before = planned.get(attempt_key(one))
        alike.setdefault(("planned", before) if before else _what_makes_alike(one), []).append(one)
    units: list[Unit] = []
    for key, members in alike.items():
        if members[0].job.group is not None:
            units.append(_group(members))
        elif key[0] == "planned":
            units.append(_array(members))
        else:
            size = max(1, max_array_size)
            units += [_array(members[at : at + size]) for at in range(0, len(members), size)]
    return units


def _what_makes_alike(submission: Submission) -> tuple[object, ...]:
    executor, job = settings_of(submission), submission.job
    if isinstance(executor.array, str):
        raise ConfigError(
            f"{job.executor}: array = {executor.array!r} would run one job several times",
            hint="sweep a parameter, which makes an array by itself; max_parallel limits it, "
            "array = false switches it off",
        )
    if job.group is not None:
        return ("group", job.group)
    if executor.array is False:
        return ("job", job.id)
    waits = tuple(sorted((one, str(how)) for one, how in submission.waits_for.items()))
    return ("array", job.executor, job.task, job.file, submission.attempt, job.timeout_s, waits)


def _array(submissions: Sequence[Submission]) -> Unit:
    first = submissions[0]
    if len(submissions) == 1:
        return Unit(name=attempt_key(first), form=Form.JOB, submissions=(first,))
    return Unit(name=_name(submissions), form=Form.ARRAY, submissions=tuple(submissions))


def _group(submissions: Sequence[Submission]) -> Unit:
    first = settings_of(submissions[0])
    form = Form.HETEROGENEOUS if first.heterogeneous and len(submissions) > 1 else Form.GROUP
    if len(submissions) == 1:
        form = Form.JOB
    return Unit(name=_name(submissions), form=form, submissions=tuple(submissions))


def attempt_key(submission: Submission) -> str:
    """The attempt's name in its experiment."""
    return f"{submission.job.slug}.{submission.attempt}"


def _name(submissions: Sequence[Submission]) -> str:
    keys = [attempt_key(one) for one in submissions]
    digest = sha256("\n".join(keys).encode()).hexdigest()[:_DIGITS]
    return f"{submissions[0].job.slug[:_LONGEST]}+{len(keys) - 1}-{digest}.{submissions[0].attempt}"


def components_of(unit: Unit) -> list[list[Submission]]:
    """The members by the component of the heterogeneous job they run in; one list for everything else.

    Raises:
        ConfigError: `het_group_indices` does not name a component for every member, or leaves one out.
    """
    members = list(unit.submissions)
    if unit.form is not Form.HETEROGENEOUS:
        return [members]
    indices = settings_of(unit.first).het_group_indices
    if indices is None:
        return [[one] for one in members]
    if len(indices) != len(members) or set(indices) != set(range(len(set(indices)))):
        raise ConfigError(
            f"{unit.first.job.executor}: het_group_indices = {indices} for a group of {len(members)}",
            hint="give each member the number of its component, and use every number from 0 on",
        )
    return [
        [one for one, index in zip(members, indices, strict=True) if index == component]
        for component in range(len(set(indices)))
    ]


def native_id(unit: Unit, answer: str, index: int) -> str:
    """The native id of a unit's job, from what sbatch said of the unit."""
    if unit.form is Form.ARRAY:
        return f"{answer}_{index}"
    if unit.form is Form.HETEROGENEOUS:
        member = unit.submissions[index]
        return f"{answer}+{next(at for at, one in enumerate(components_of(unit)) if member in one)}"
    return answer
