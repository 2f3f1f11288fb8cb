"""Cells on executors: which names there are, and the executor each name stands for near a task."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nemorun_discover.config.factories import visible_factory
from nemorun_discover.config.resolve import executor_names, resolve_executor
from nemorun_discover.discovery.durations import parse_duration_s
from nemorun_discover.discovery.matrix import on_executors
from nemorun_discover.errors import ConfigError
from nemorun_discover.executors.codec import executor_to_dict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nemorun_discover.config.load import Config
    from nemorun_discover.discovery.cell import Cell
    from nemorun_discover.executors.base import Executor
    from nemorun_discover.model.task import Factory, Json

FALLBACK = "local"


def place(
    cells: Sequence[Cell], patterns: Sequence[str], config: Config, factories: Sequence[Factory]
) -> tuple[tuple[tuple[Cell, str], ...], dict[str, Executor]]:
    """Each cell with each of its executors, and the executors by name.

    A name may stand for two factories, each the nearest one of some task; then the one that lies deeper
    is called by its folder too (`vision/small`).

    Args:
        cells: What is to run.
        patterns: `-e`.
        config: The project's configuration.
        factories: What was found in `executors.py` files.

    Raises:
        UsageError: A name that does not exist.
        NothingSelected: A pattern matches nothing.
        ConfigError: A profile or a factory is wrong.
    """
    available = [choice.name for choice in executor_names(config, factories)]
    default = [config.project.default_executor or FALLBACK]
    placed = on_executors(cells, available=available, default=default, patterns=patterns)
    executors: dict[str, Executor] = {}
    named = []
    for cell, name in placed:
        key = _key(name, cell, config, factories)
        if key not in executors:
            executors[key] = resolve_executor(
                name, config=config, factories=factories, near=cell.task.file
            )
        named.append((cell, key))
    return tuple(named), executors


def _key(name: str, cell: Cell, config: Config, factories: Sequence[Factory]) -> str:
    if name in config.table("profiles"):
        return name
    nearest = visible_factory(name, factories, cell.task.file)
    highest = min(
        (one for one in factories if one.name == name),
        key=lambda one: (one.directory.count("/"), one.directory),
        default=None,
    )
    if nearest is None or nearest == highest:
        return name
    return f"{nearest.directory}/{name}"


def timeouts_of(executors: Mapping[str, Executor]) -> dict[str, float]:
    """By executor, the wall-clock limit in seconds, where it sets one."""
    return {
        name: parse_duration_s(str(executor.timeout))
        for name, executor in executors.items()
        if executor.timeout is not None
    }


def check_secrets(executors: Mapping[str, Executor], env: Mapping[str, str]) -> None:
    """Raise ConfigError when an executor wants a secret that this shell does not have."""
    for name, executor in executors.items():
        for secret in executor.secrets:
            if secret not in env:
                raise ConfigError(
                    f"{name}: the secret {secret} is not set in this shell",
                    hint=f"export {secret}=…",
                )


def as_tables(executors: Mapping[str, Executor]) -> dict[str, dict[str, Json]]:
    """The executors as JSON."""
    return {name: executor_to_dict(executor) for name, executor in executors.items()}
