"""What `nemorun doctor` can tell of any executor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nemorun_discover.errors import ExecutorRefused
from nemorun_discover.model.check import Check, Verdict

if TYPE_CHECKING:
    from nemorun_discover.executors.base import Executor
    from nemorun_discover.schedulers.protocol import Scheduler


def check_settings(scheduler: Scheduler, name: str, executor: Executor) -> Check:
    """Whether its scheduler takes the settings."""
    try:
        scheduler.check(name, executor)
    except ExecutorRefused as error:
        return failed("settings", error)
    return Check(name="settings", verdict=Verdict.OK, message="can be carried out")


def failed(name: str, error: ExecutorRefused) -> Check:
    """A check that an error answers."""
    return Check(name=name, verdict=Verdict.FAIL, message=error.message, remedy=error.hint)
