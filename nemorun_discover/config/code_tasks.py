"""What `[tasks.NAME]` says of tasks that were found in code: other defaults, executors and limits."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from nemorun_discover.config.check import Checker
from nemorun_discover.config.fields import fields_of
from nemorun_discover.config.nearest import hint_for
from nemorun_discover.config.script_tasks import (
    ScriptTable,
    is_script,
    listed,
    table_origin,
)
from nemorun_discover.config.soft import is_unset, softened
from nemorun_discover.config.tree import Leaf, Node, Origin, Tree, place_of
from nemorun_discover.config.values import seconds
from nemorun_discover.errors import ConfigError
from nemorun_discover.executors.settings import at_least
from nemorun_discover.model.task import TypeKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nemorun_discover.config.load import Config
    from nemorun_discover.model.task import Json, Task, TypeSpec

# The types that a value can be held against without the task's module; the rest waits for the run.
_HINTS: dict[TypeKind, Any] = {
    TypeKind.BOOL: bool,
    TypeKind.INT: int,
    TypeKind.FLOAT: float,
    TypeKind.STR: str,
    TypeKind.PATH: str,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class CodeTable:
    """What is said of a task that was found in code; NAME is its name, or its node id in quotes.

    Attributes:
        params: Values over the defaults of its signature.
        tags: More tags for `-m`; one or several.
        executors: Executors that it runs on without `-e`, in place of its own; one or several.
        timeout: Wall-clock limit of one attempt, in place of its own: seconds, or text such as "30m".
        retries: Attempts after the first that failed, in place of its own.
    """

    params: dict[str, Any] = field(default_factory=dict)
    tags: str | list[str] = field(default_factory=list)
    executors: str | list[str] = field(default_factory=list)
    timeout: float | str | None = None
    retries: int | None = at_least(0, None)


def apply_task_tables(
    config: Config, tasks: Sequence[Task], *, is_complete: bool = True
) -> list[Task]:
    """The tasks, with what the configuration says of those found in code.

    Args:
        config: The project's configuration.
        tasks: All tasks that were found; script tasks are left as they are.
        is_complete: False when some file could not be collected: a table that matches no task may be
            about one of its tasks, and is let be.

    Raises:
        ConfigError: A table matches no task, or several; or what it says does not fit its task.
    """
    changed = {task.id: task for task in tasks}
    for name, node in config.table("tasks").items():
        if not isinstance(node, dict) or is_script(node):
            continue
        task = _task_named(name, node, config, tasks, is_complete=is_complete)
        if task is not None:
            changed[task.id] = _applied(changed[task.id], name, node, config)
    return list(changed.values())


def check_code_table(config: Config, name: str, table: Tree) -> list[ConfigError]:
    """All that is wrong with a table, whatever its task."""
    origin = table_origin(config, name, table)
    problems = []
    rest = {}
    for key, node in softened(table, config).items():
        if key in fields_of(ScriptTable) and key not in fields_of(CodeTable):
            place = place_of(key, node, origin)
            problems.append(
                ConfigError(
                    f"{place}: only a task with a script or a command takes it from here",
                    hint="of a task found in code, @nemorun.task and its executor's profile say it",
                )
            )
        elif key != "params":
            rest[key] = node
    checker = Checker(config.env)
    checker.fields(rest, CodeTable, origin, what="task table")
    return [*problems, *checker.problems]


def _task_named(
    name: str, node: Tree, config: Config, tasks: Sequence[Task], *, is_complete: bool
) -> Task | None:
    in_code = [task for task in tasks if task.script is None]
    found = [task for task in in_code if name in (task.id, task.name)]
    if len(found) == 1:
        return found[0]
    place = place_of(name, node, config.origin("tasks"))
    if found:
        ids = " and ".join(task.id for task in found)
        raise ConfigError(
            f"{place}: several tasks have this name: {ids}",
            hint=f'write the node id in quotes: [tasks."{found[0].id}"]',
        )
    if not is_complete:
        return None
    known = [*(task.name for task in in_code), *(task.id for task in in_code)]
    raise ConfigError(
        f"{place}: there is no task of this name, and neither script nor command makes it one",
        hint=hint_for(name, known, what="the tasks are"),
    )


def _applied(task: Task, name: str, table: Tree, config: Config) -> Task:
    for problem in check_code_table(config, name, table):
        raise problem
    origin = table_origin(config, name, table)
    rest = {key: node for key, node in softened(table, config).items() if key != "params"}
    said = CodeTable(**Checker(config.env).fields(rest, CodeTable, origin, what="task table"))
    timeout_s = seconds(said.timeout, place_of("timeout", table.get("timeout", {}), origin))
    values = _values(task, table.get("params"), config, origin)
    return replace(
        task,
        values={**task.values, **values},
        tags=tuple(dict.fromkeys((*task.tags, *listed(said.tags)))),
        executors=listed(said.executors) or task.executors,
        timeout_s=task.timeout_s if timeout_s is None else timeout_s,
        retries=task.retries if said.retries is None else said.retries,
    )


def _values(task: Task, node: Node | None, config: Config, origin: Origin) -> dict[str, Json]:
    if node is None:
        return {}
    if isinstance(node, Leaf):
        raise ConfigError(f"{place_of('params', node, origin)}: expected a table")
    parameters = {one.name: one for one in task.params}
    values = {}
    for name, child in node.items():
        place = place_of(name, child, origin)
        if name not in parameters:
            hint = hint_for(name, parameters, what="its parameters are")
            raise ConfigError(f"{place}: {task.name} has no such parameter", hint=hint)
        if is_unset(child, config):
            continue
        values[name] = parameter_value(name, parameters[name].type, child, config.env, place)
    return values


def parameter_value(
    name: str, spec: TypeSpec, node: Node, env: Mapping[str, str], place: str
) -> Json:
    """What a table, or an option, says of a parameter, as its annotation wants it.

    Raises:
        ConfigError: It is of another type; `place` begins the message.
    """
    return Checker(env).plain(node, _HINTS.get(spec.kind, Any), place, key=name)
