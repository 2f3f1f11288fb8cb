"""`nemorun.Plugin`: what users subclass to take part in their own experiments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nemorun_discover.executors.base import Executor
    from nemorun_discover.model.status import ExperimentStatus, JobStatus


class Plugin:
    """Takes part in an experiment: override what you need.

    `setup` runs where the task is added. The `on_…` methods run in the driver, one after the other in a
    thread of this plugin's own: the driver imports the class and gives it the attributes it had, which must
    therefore be JSON. What an `on_…` method raises becomes a note of the experiment and harms nothing. A
    method may leave out arguments that it does not need.

    Attributes:
        experiment_id: The experiment it was assigned to; "" before.
    """

    experiment_id: str = ""

    def assign(self, experiment_id: str) -> None:
        """Take note of the experiment this plugin belongs to."""
        # Past a frozen dataclass, which has no other way to learn it.
        object.__setattr__(self, "experiment_id", experiment_id)

    def setup(self, task: Any, executor: Executor) -> None:  # noqa: ANN401 - whatever can be added
        """Change a task and the copy of the executor it was added with."""

    def on_submit(self, experiment_id: str, job: JobStatus) -> None:
        """An attempt of a job (`job.attempt`, from 1) has been handed to its executor."""

    def on_state_change(self, experiment_id: str, job: JobStatus) -> None:
        """A job has changed its state to `job.state`."""

    def on_finish(self, experiment_id: str, experiment: ExperimentStatus) -> None:
        """Every job has ended."""


# The hooks that the driver calls.
DRIVER_HOOKS = ("on_submit", "on_state_change", "on_finish")


def overrides(plugin: Plugin, hook: str) -> bool:
    """True when the plugin's class has its own method for a hook."""
    return getattr(type(plugin), hook, None) is not getattr(Plugin, hook, None)


def has_driver_hooks(plugin: Plugin) -> bool:
    """True when the driver has something to call; a plugin without such a hook need not travel."""
    return any(overrides(plugin, hook) for hook in DRIVER_HOOKS)
