"""The one table from a kind of executor to its scheduler; each is loaded when it is first used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from nemorun_discover.errors import ConfigError, ExecutorRefused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nemorun_discover.schedulers.protocol import Scheduler

SCHEDULERS = {
    "local": "nemorun_discover.schedulers.local.scheduler:LocalScheduler",
    "slurm": "nemorun_discover.schedulers.slurm.scheduler:SlurmScheduler",
    "torchx": "nemorun_discover.schedulers.torchx.scheduler:TorchxScheduler",
    "docker": "nemorun_discover.schedulers.docker.scheduler:DockerScheduler",
    "skypilot": "nemorun_discover.schedulers.skypilot.scheduler:SkypilotScheduler",
    "skypilot_jobs": "nemorun_discover.schedulers.skypilot.scheduler:SkypilotJobsScheduler",
}


def add_scheduler(kind: str, scheduler: str) -> None:
    """Add what drives a kind of executor; adding the same again changes nothing.

    Args:
        kind: The kind's name.
        scheduler: Import string, `package.module:Class`; called with the environment.

    Raises:
        ConfigError: Something else drives that kind.
    """
    if SCHEDULERS.setdefault(kind, scheduler) != scheduler:
        raise ConfigError(f"{SCHEDULERS[kind]} drives the kind {kind!r} already, not {scheduler}")


def require_scheduler(name: str, kind: str) -> None:
    """Raise ExecutorRefused when nothing drives this kind of executor; `name` is the executor's."""
    if kind not in SCHEDULERS:
        raise ExecutorRefused(
            f"{name}: this version of nemorun runs jobs on {', '.join(SCHEDULERS)} only, not on {kind}",
            hint="its profile is checked by `nemorun config` all the same; install the plugin that drives it",
        )


def scheduler_of(name: str, kind: str, env: Mapping[str, str]) -> Scheduler:
    """A scheduler for a kind of executor.

    Args:
        name: The executor's name, for the message.
        kind: Its kind.
        env: The caller's environment.

    Raises:
        ExecutorRefused: This version cannot run jobs on that kind, or what drives it cannot be imported.
    """
    require_scheduler(name, kind)
    module, _, attribute = SCHEDULERS[kind].partition(":")
    try:
        made = getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise ExecutorRefused(
            f"{name}: what drives {kind}, {SCHEDULERS[kind]}, cannot be imported: {error}"
        ) from error
    scheduler: Scheduler = made(env)
    return scheduler
