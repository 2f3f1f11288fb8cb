"""What an installed plugin can implement: the hooks, and what two of them return.

A distribution names its plugins in the entry-point group `nemorun.plugins`; each is a module or an object
whose functions are marked with `nemorun.hookimpl`, or a `nemorun.Plugin`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nemorun_discover.executors.base import Executor
    from nemorun_discover.model.status import ExperimentStatus, JobStatus

PROJECT = "nemorun"
GROUP = "nemorun.plugins"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@dataclass(frozen=True, kw_only=True, slots=True)
class ExecutorKind:
    """A kind of executor.

    Attributes:
        name: The `kind` in nemorun.toml and in records; also the class's `kind`.
        settings: Import string of its settings, `package.module:Class`, a dataclass below
            `nemorun.Executor`.
        scheduler: Import string of what drives it; called with the environment, it returns a
            `nemorun_discover.schedulers.protocol.Scheduler`.
    """

    name: str
    settings: str
    scheduler: str


@dataclass(frozen=True, kw_only=True, slots=True)
class CliCommand:
    """A command of `nemorun`.

    Attributes:
        heading: What it stands under in `nemorun --help`, one of nemorun's own or another.
        summary: One line for that page.
        command: Import string of a `click.Command`, `package.module:name`, loaded when it is called.
    """

    name: str
    heading: str
    summary: str
    command: str


class HookSpecs:
    """The hooks. An implementation may leave out arguments that it does not need."""

    @hookspec
    def executor_kinds(self) -> Iterable[ExecutorKind]:
        """The kinds of executor that the plugin adds."""
        raise NotImplementedError

    @hookspec
    def cli_commands(self) -> Iterable[CliCommand]:
        """The commands that the plugin adds."""
        raise NotImplementedError

    @hookspec
    def setup(self, task: Any, executor: Executor) -> None:  # noqa: ANN401 - whatever can be added
        """A task is added to an experiment; both may be changed."""

    @hookspec
    def on_submit(self, experiment_id: str, job: JobStatus) -> None:
        """An attempt of a job has been handed to its executor."""

    @hookspec
    def on_state_change(self, experiment_id: str, job: JobStatus) -> None:
        """A job has changed its state."""

    @hookspec
    def on_finish(self, experiment_id: str, experiment: ExperimentStatus) -> None:
        """Every job has ended."""
