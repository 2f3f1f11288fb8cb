"""The one table from a kind of executor to its scheduler; each is loaded when it is first used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from nemorun_discover.errors import ExecutorRefused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nemorun_discover.schedulers.protocol import Scheduler

SCHEDULERS = {"local": "nemorun_discover.schedulers.local.scheduler:LocalScheduler"}


def scheduler_of(name: str, kind: str, env: Mapping[str, str]) -> Scheduler:
    """A scheduler for a kind of executor.

    Args:
        name: The executor's name, for the message.
        kind: Its kind.
        env: The caller's environment.

    Raises:
        ExecutorRefused: This version cannot run jobs on that kind.
    """
    if kind not in SCHEDULERS:
        raise ExecutorRefused(
            f"{name}: this version of nemorun runs jobs on {', '.join(SCHEDULERS)} only, not on {kind}",
            hint="its profile is checked by `nemorun config` all the same; run with -e local for now",
        )
    module, _, attribute = SCHEDULERS[kind].partition(":")
    scheduler: Scheduler = getattr(import_module(module), attribute)(env)
    return scheduler
