"""From the names in `after` to node ids, and what is wrong with them: unknown, ambiguous, a cycle."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nemorun_discover.discovery.names import nearest
from nemorun_discover.model.task import Issue, Task

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence


def resolve_after(
    tasks: Sequence[Task], rejected: Collection[str] = (), *, is_partial: bool = False
) -> tuple[tuple[Task, ...], tuple[Issue, ...]]:
    """Replace the names in `after` by node ids.

    A name is looked up in the task's own file, then in the whole project, where it must be unique. One that ends
    in `@EXECUTOR` means that task's jobs on this executor.

    Args:
        tasks: With `after` as it was written (see `FileScan`).
        rejected: Node ids of tasks that exist, but could not be collected.
        is_partial: The tasks are not the whole project: what is not among them is left out of `after`.

    Returns:
        The tasks whose upstream tasks are all there, in their order, without any cycle among them; and
        an issue for each of the others.
    """
    if not any(task.after for task in tasks):
        return tuple(tasks), ()
    index = _Index(tasks, rejected)
    issues: list[Issue] = []
    resolved: dict[str, Task] = {}
    for task in tasks:
        found = [index.find(task, name, is_partial=is_partial) for name in task.after]
        wrong = [each for each in found if isinstance(each, Issue)]
        issues.extend(wrong)
        if not wrong:
            resolved[task.id] = _resolved(
                task, [each for each in found if isinstance(each, _Upstream)], index
            )
    issues.extend(_drop_unreachable(resolved))
    return tuple(resolved.values()), tuple(issues)


def unknown_references(tasks: Sequence[Task]) -> set[str]:
    """Return the files in which an imported name in `after` is no task that is known."""
    index = _Index(tasks, ())
    return {
        task.file
        for task in tasks
        for name in task.after
        if _is_reference(name) and not index.candidates(task, name)
    }


@dataclass(frozen=True, slots=True)
class _Upstream:
    """What a name in `after` means: a task, and the executor where it is meant; None where it does not say."""

    task_id: str
    executor: str | None


def _resolved(task: Task, found: Sequence[_Upstream], index: _Index) -> Task:
    after_on: dict[str, tuple[str, ...]] = {}
    for one in found:
        if one.executor is not None and one.executor not in after_on.get(one.task_id, ()):
            after_on[one.task_id] = (*after_on.get(one.task_id, ()), one.executor)
    ids = tuple(dict.fromkeys(one.task_id for one in found))
    # What a body reads is named as in the job, by the task's name alone.
    meant = (index.find(task, name, is_partial=True) for name in task.inputs)
    inputs = [one.task_id for one in meant if isinstance(one, _Upstream) and one.task_id in ids]
    inputs += [one for one in ids if index.name_of(one) in task.inputs]
    return replace(task, after=ids, inputs=tuple(dict.fromkeys(inputs)), after_on=after_on)


def _is_reference(name: str) -> bool:
    return ":" in name and "::" not in name


class _Index:
    def __init__(self, tasks: Sequence[Task], rejected: Collection[str]) -> None:
        self._by_id = {task.id: task for task in tasks}
        self._by_name: defaultdict[str, list[str]] = defaultdict(list)
        self._by_function: defaultdict[str, list[Task]] = defaultdict(list)
        self._rejected = rejected
        for task in tasks:
            self._by_name[task.name].append(task.id)
            if task.function is not None:
                self._by_function[task.function].append(task)

    def name_of(self, task_id: str) -> str:
        """Return a task's name."""
        return self._by_id[task_id].name

    def candidates(self, task: Task, name: str) -> list[str]:
        """Return the node ids that a name in a task's `after` may mean."""
        if name.startswith("::"):
            named = self._by_function.get(name.removeprefix("::"), ())
            return [each.id for each in named if each.file == task.file]
        if "::" in name:
            return [name] if name in self._by_id else []
        if _is_reference(name):
            module, _, function = name.rpartition(":")
            return [each.id for each in self._by_function.get(function, ()) if _is_in(each, module)]
        own = f"{task.file}::{name}"
        return [own] if own in self._by_id else self._by_name.get(name, [])

    def find(self, task: Task, name: str, *, is_partial: bool) -> _Upstream | Issue | None:
        candidates, executor = self.candidates(task, name), None
        if not candidates and "@" in name:
            bare, _, on = name.rpartition("@")
            candidates = self.candidates(task, bare)
            # Without a task of that name, too, the message is about the task.
            name, executor = bare, on
        if len(candidates) == 1:
            return _Upstream(candidates[0], executor)
        shown = name.removeprefix("::")
        if candidates:
            listed = ", ".join(candidates)
            message = f"after= of {task.name!r}: {shown!r} may be {listed}"
            return _issue(task, message, "name one by its node id")
        if is_partial:
            return None
        if any(each == name or each.endswith(f"::{shown}") for each in self._rejected):
            message = f"{task.name!r} waits for {shown!r}, which could not be collected"
            return _issue(task, message)
        return _issue(
            task, f"after= of {task.name!r}: there is no task {shown!r}", self._near(shown)
        )

    def _near(self, name: str) -> str | None:
        known = self._by_id if "::" in name else self._by_name
        near = nearest(name.rpartition(":")[2] or name, known, 1)
        return f"did you mean {near[0]!r}?" if near else None


def _is_in(task: Task, module: str) -> bool:
    """Tell whether a module, imported relatively or from anywhere on the path, is the task's file."""
    path = task.file.removesuffix(".py").removesuffix("/__init__").split("/")
    parts = [part for part in module.split(".") if part]
    return path[-len(parts) :] == parts if parts else True


def _issue(task: Task, message: str, hint: str | None = None) -> Issue:
    return Issue(file=task.file, line=task.line, message=message, hint=hint)


def _drop_unreachable(tasks: dict[str, Task]) -> Iterable[Issue]:
    """Take out every task that can never start: in a cycle, or below a task that is gone."""
    while stuck := _stuck(tasks):
        gone = {
            name: stuck[name] for name in stuck if any(up not in tasks for up in stuck[name].after)
        }
        if gone:
            for task in gone.values():
                missing = next(up for up in task.after if up not in tasks)
                message = f"{task.name!r} waits for {missing}, which could not be collected"
                yield _issue(task, message)
        else:
            cycle = _cycle(stuck)
            gone = {task.id: task for task in cycle}
            drawn = " -> ".join(_labels([*cycle, cycle[0]]))
            yield _issue(cycle[0], f"tasks wait for each other: {drawn}", "take out one after=")
        for name in gone:
            del tasks[name]


def _stuck(tasks: dict[str, Task]) -> dict[str, Task]:
    """Return the tasks that are left when all that can start, have."""
    waiting = {name: len(task.after) for name, task in tasks.items()}
    below: defaultdict[str, list[str]] = defaultdict(list)
    for name, task in tasks.items():
        for upstream in task.after:
            below[upstream].append(name)
    ready = [name for name, count in waiting.items() if count == 0]
    while ready:
        name = ready.pop()
        del waiting[name]
        for downstream in below[name]:
            waiting[downstream] -= 1
            if waiting[downstream] == 0:
                ready.append(downstream)
    return {name: tasks[name] for name in waiting}


def _cycle(stuck: dict[str, Task]) -> list[Task]:
    """Return one cycle; each task here waits for at least one other that is here."""
    path: dict[str, None] = {}
    name = next(iter(stuck))
    while name not in path:
        path[name] = None
        name = next(upstream for upstream in stuck[name].after if upstream in stuck)
    ids = list(path)
    return [stuck[each] for each in ids[ids.index(name) :]]


def _labels(tasks: Sequence[Task]) -> list[str]:
    names = {task.id: task.name for task in tasks}
    is_unique = len(set(names.values())) == len(names)
    return [task.name if is_unique else task.id for task in tasks]
