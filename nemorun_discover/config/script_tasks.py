"""Tasks declared in the configuration: `[tasks.NAME]` with a `script` or a `command`."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nemorun_discover.config.check import Checker
from nemorun_discover.config.parameters import read_parameters
from nemorun_discover.config.references import has_reference, require
from nemorun_discover.config.soft import softened
from nemorun_discover.config.tree import Origin, Tree, origin_of, place_of
from nemorun_discover.config.values import check_name, seconds
from nemorun_discover.errors import ConfigError
from nemorun_discover.executors.settings import at_least
from nemorun_discover.model.task import Script, Task

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nemorun_discover.config.load import Config


@dataclass(frozen=True, kw_only=True, slots=True)
class ScriptTable:
    """A task that runs a script or a command; exactly one of the two is given.

    Attributes:
        script: The script's path, relative to the configuration file.
        command: The argv.
        params: Parameters and their defaults, whose types follow from the values.
        tags: Tags for `-m`; one or several.
        env: Environment variables of this task, over the executor's.
        after: Tasks that must have succeeded first; one or several.
        inputs: The same, and their outputs are brought to where this one runs; one or several.
        executors: Executors that it runs on without `-e`; one or several.
        timeout: Wall-clock limit of one attempt: seconds, or text such as "30m"; the executor's when it is
            not given.
        retries: Attempts after the first that failed; the executor's when it is not given.
    """

    script: str | None = None
    command: list[str] = field(default_factory=list)
    params: dict[str, Any] = field(default_factory=dict)
    tags: str | list[str] = field(default_factory=list)
    env: dict[str, str] = field(default_factory=dict)
    after: str | list[str] = field(default_factory=list)
    inputs: str | list[str] = field(default_factory=list)
    executors: str | list[str] = field(default_factory=list)
    timeout: float | str | None = None
    retries: int | None = at_least(0, None)


def script_tasks(config: Config) -> list[Task]:
    """The tasks that the configuration declares, in order; `after` holds names as they are written.

    A reference to a variable that is not set stays as it is written, and a parameter whose default
    needs one has no default: only a run needs the value, and `require_references` asks for it.

    Raises:
        ConfigError: A table of such a task is wrong, or its script does not exist.
    """
    return [
        script_task(config, name, node)
        for name, node in config.table("tasks").items()
        if isinstance(node, dict) and is_script(node)
    ]


def is_script(table: Tree) -> bool:
    """True when a `[tasks.NAME]` declares a task, and does not speak of one found in code."""
    return "script" in table or "command" in table


def require_references(config: Config, tasks: Iterable[Task]) -> None:
    """Make sure that every `${env:VAR}` in the tables of these tasks has a value.

    A default of a script task's parameter is left out: the command line may give the value.

    Raises:
        ConfigError: A variable is not set.
    """
    tables = config.table("tasks")
    for task in tasks:
        for key in (task.name, task.id):
            table = tables.get(key)
            if not isinstance(table, dict) or is_script(table) != (task.script is not None):
                continue
            skipped = ("params",) if task.script is not None else ()
            require({name: node for name, node in table.items() if name not in skipped}, config.env)


def script_task(config: Config, name: str, table: Tree) -> Task:
    """The task that one table declares.

    Raises:
        ConfigError: The table is wrong, or its script does not exist.
    """
    origin = table_origin(config, name, table)
    check_name(name, f"{origin.source}: [tasks]", "task")
    checker = Checker(config.env)
    given = {key: node for key, node in softened(table, config).items() if key != "params"}
    values = checker.fields(given, ScriptTable, origin, what="script task")
    for problem in checker.problems:
        raise problem
    said = ScriptTable(**values)
    _check_target(config, said, table, origin)
    timeout_place = place_of("timeout", table.get("timeout", {}), origin)
    return Task(
        id=f"{config.label}::{name}",
        name=name,
        file=config.label,
        line=0,
        params=read_parameters(table.get("params"), config, origin),
        tags=listed(said.tags),
        after=tuple(dict.fromkeys((*listed(said.after), *listed(said.inputs)))),
        inputs=listed(said.inputs),
        executors=listed(said.executors),
        timeout_s=seconds(said.timeout, timeout_place),
        retries=said.retries,
        script=Script(path=said.script, command=tuple(said.command), env=said.env),
    )


def table_origin(config: Config, name: str, table: Tree) -> Origin:
    """Where a `[tasks.NAME]` stands, to place what is missing from it."""
    return Origin(
        source=origin_of(table, config.origin()).source, table=config.origin("tasks", name).table
    )


def listed(value: str | list[str]) -> tuple[str, ...]:
    """One name or several, as a tuple."""
    return (value,) if isinstance(value, str) else tuple(value)


def _check_target(config: Config, said: ScriptTable, table: Tree, origin: Origin) -> None:
    key = "script" if "script" in table else "command"
    place = place_of(key, table[key], origin)
    if "script" in table and "command" in table:
        raise ConfigError(f"{place}: a task has a script or a command, not both")
    if not (said.script or (all(said.command[:1]) and said.command)):
        raise ConfigError(f"{place}: is empty", hint='write command = ["python", "-m", "module"]')
    if said.script is None or has_reference(said.script):
        return
    whole = os.path.normpath(config.root / said.script)
    if os.path.commonpath([whole, config.root]) != str(config.root):
        raise ConfigError(
            f"{place}: {said.script!r} lies outside of the project",
            hint=f"the project is {config.root}; what lies outside does not travel",
        )
    if not os.path.isfile(whole):  # noqa: PTH113 - False, too, where we may not look
        raise ConfigError(f"{place}: {said.script!r} is not a file in {config.root}")
