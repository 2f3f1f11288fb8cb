"""From cells on executors to jobs: ids, folders, and which job waits for which."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nemorun_discover.discovery.label import value_text
from nemorun_discover.discovery.names import shortened
from nemorun_discover.discovery.order import upstream_first
from nemorun_discover.discovery.slug import slugs_of
from nemorun_discover.discovery.values import canonical
from nemorun_discover.errors import UsageError
from nemorun_discover.model.job import Job

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from nemorun_discover.discovery.cell import Cell
    from nemorun_discover.model.task import Json, Task

_LONGEST_SHOWN = 40

_Jobs = dict[str, str]  # ids by executor


def link(
    placed: Sequence[tuple[Cell, str]],
    *,
    args: Sequence[str] = (),
    retries: Mapping[str, int] | None = None,
    timeouts_s: Mapping[str, float] | None = None,
) -> tuple[Job, ...]:
    """The jobs, upstream before downstream, otherwise in the order given.

    A job waits for each cell of an upstream task that has equal values for all parameters which both send. Which
    of that cell's jobs is meant: those on the executors that the task names (`after=["prep@a"]`); else the one on
    the job's own executor; else the only one. An upstream task without any job is not waited for.

    Args:
        placed: Cells with their executors; a pair that is there twice counts once.
        args: What followed `--`; only script tasks get it.
        retries: By executor, for tasks that do not say.
        timeouts_s: By executor, for tasks that do not say.

    Raises:
        UsageError: An upstream task has jobs, but none with the same values; or a cell of it runs on several
            other executors, and nothing says which is meant.
    """
    spots = _spots(placed)
    slugs = slugs_of([spot.id for spot in spots])
    upstream = _Upstream(spots)
    limits = _Limits(retries=retries or {}, timeouts_s=timeouts_s or {})
    jobs = {
        spot.id: _job(spot, slug, upstream, tuple(args), limits)
        for spot, slug in zip(spots, slugs, strict=True)
    }
    after = {name: [one for ids in job.after.values() for one in ids] for name, job in jobs.items()}
    return tuple(jobs[name] for name in upstream_first(list(jobs), after))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Spot:
    """A cell on an executor, with its job's id."""

    id: str
    cell: Cell
    executor: str


@dataclass(frozen=True, kw_only=True, slots=True)
class _Limits:
    """What executors say for tasks that do not."""

    retries: Mapping[str, int]
    timeouts_s: Mapping[str, float]


def _spots(placed: Sequence[tuple[Cell, str]]) -> list[_Spot]:
    tasks_named: defaultdict[str, set[str]] = defaultdict(set)
    for cell, _ in placed:
        tasks_named[cell.task.name].add(cell.task.id)
    spots: dict[str, _Spot] = {}
    for cell, executor in placed:
        is_ambiguous = len(tasks_named[cell.task.name]) > 1
        prefix = f"{cell.task.file}::" if is_ambiguous else ""
        identity = f"{prefix}{cell.id}@{executor}"
        spots.setdefault(identity, _Spot(id=identity, cell=cell, executor=executor))
    return list(spots.values())


def _job(
    spot: _Spot,
    slug: str,
    upstream: _Upstream,
    args: tuple[str, ...],
    limits: _Limits,
) -> Job:
    task = spot.cell.task
    own_timeout_s = limits.timeouts_s.get(spot.executor)
    own_retries = limits.retries.get(spot.executor, 0)
    return Job(
        id=spot.id,
        slug=slug,
        task=task.name,
        file=task.file,
        executor=spot.executor,
        function=task.function,
        script=task.script,
        params=dict(spot.cell.params),
        args=args if task.script else (),
        after=upstream.of(spot),
        inputs=upstream.inputs_of(spot),
        timeout_s=own_timeout_s if task.timeout_s is None else task.timeout_s,
        retries=own_retries if task.retries is None else task.retries,
    )


class _Upstream:
    """Finds the jobs that a job waits for, reading each upstream task's values once per set of shared names."""

    def __init__(self, spots: Iterable[_Spot]) -> None:
        self.tasks: dict[str, Task] = {}
        self.spots: defaultdict[str, list[_Spot]] = defaultdict(list)
        self.cells: dict[tuple[str, tuple[str, ...]], dict[str, dict[str, _Jobs]]] = {}
        for spot in spots:
            self.tasks[spot.cell.task.id] = spot.cell.task
            self.spots[spot.cell.task.id].append(spot)

    def of(self, spot: _Spot) -> dict[str, tuple[str, ...]]:
        """Ids of the jobs to wait for, by the upstream task's name."""
        after: dict[str, tuple[str, ...]] = {}
        for task_id in spot.cell.task.after:
            rivals = self.spots.get(task_id)
            if not rivals:
                continue
            # All cells of a task send the same parameters.
            shared = tuple(sorted(spot.cell.params.keys() & rivals[0].cell.params.keys()))
            cells = self._by_values(task_id, shared).get(_values(spot, shared))
            if cells is None:
                raise _no_equal(spot, shared, rivals)
            name = self.tasks[task_id].name
            ids = [id_ for jobs in cells.values() for id_ in self._chosen(spot, task_id, jobs)]
            after[name] = (*after.get(name, ()), *ids)
        return after

    def inputs_of(self, spot: _Spot) -> tuple[str, ...]:
        """The upstream tasks, by name, whose outputs it gets."""
        known = (self.tasks.get(task_id) for task_id in spot.cell.task.inputs)
        return tuple(dict.fromkeys(task.name for task in known if task is not None))

    def _chosen(self, spot: _Spot, task_id: str, jobs: Mapping[str, str]) -> list[str]:
        """Which of a cell's jobs, given by executor, are meant."""
        named = spot.cell.task.after_on.get(task_id)
        if named is not None:
            for name in named:
                if name not in jobs:
                    raise _not_there(spot, self.tasks[task_id], name, jobs)
            return [jobs[name] for name in named]
        if spot.executor in jobs:
            return [jobs[spot.executor]]
        if len(jobs) > 1:
            raise _which(spot, self.tasks[task_id], jobs)
        return list(jobs.values())

    def _by_values(self, task_id: str, shared: tuple[str, ...]) -> dict[str, dict[str, _Jobs]]:
        """By the values of the shared names, the cells with these; of each, its job by executor."""
        if (task_id, shared) not in self.cells:
            cells: dict[str, dict[str, _Jobs]] = {}
            for spot in self.spots[task_id]:
                alike = cells.setdefault(_values(spot, shared), {})
                alike.setdefault(spot.cell.id, {})[spot.executor] = spot.id
            self.cells[task_id, shared] = cells
        return self.cells[task_id, shared]


def _values(spot: _Spot, names: Iterable[str]) -> str:
    return canonical([spot.cell.params.get(name) for name in names])


def _no_equal(spot: _Spot, shared: Sequence[str], rivals: Sequence[_Spot]) -> UsageError:
    alone = [
        name
        for name in shared
        if all(_values(spot, [name]) != _values(rival, [name]) for rival in rivals)
    ]
    params = spot.cell.params
    wanted = ", ".join(
        f"{name}={value_text(params[name]) if _is_short(params[name]) else shortened(params[name])}"
        for name in alone or shared
    )
    upstream = rivals[0].cell.task.name
    return UsageError(
        f"{spot.id} comes after {upstream}, but no {upstream} job on {_and(one.executor for one in rivals)} has {wanted}",
        hint=f"give both tasks the same values, or run {spot.cell.task.name} alone: "
        f"-k ={spot.cell.task.name}",
    )


def _which(spot: _Spot, upstream: Task, jobs: Mapping[str, str]) -> UsageError:
    first = next(iter(jobs))
    return UsageError(
        f"{spot.id} comes after {upstream.name}, and may mean {_and(jobs.values())}",
        hint=f'say which, after=["{upstream.name}@{first}"], or run both tasks on one executor',
    )


def _not_there(spot: _Spot, upstream: Task, executor: str, jobs: Mapping[str, str]) -> UsageError:
    return UsageError(
        f"{spot.id} comes after {upstream.name}@{executor}, and there is only {_and(jobs.values())}",
        hint=f"run {upstream.name} on {executor} too, or change after=",
    )


def _and(names: Iterable[str]) -> str:
    return " and ".join(dict.fromkeys(names))


def _is_short(value: Json) -> bool:
    text = value_text(value)
    return text.isprintable() and len(text) <= _LONGEST_SHOWN
