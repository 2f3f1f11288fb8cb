"""What `nemorun doctor` can tell of any executor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nemorun_discover.errors import ExecutorRefused
from nemorun_discover.executors.packagers import HybridPackager
from nemorun_discover.model.check import Check, Verdict

if TYPE_CHECKING:
    from nemorun_discover.executors.base import Executor
    from nemorun_discover.executors.packagers import Packager
    from nemorun_discover.schedulers.protocol import Scheduler


def check_settings(scheduler: Scheduler, name: str, executor: Executor) -> Check:
    """Whether its scheduler takes the settings."""
    try:
        scheduler.check(name, executor)
    except ExecutorRefused as error:
        return failed("settings", error)
    return Check(name="settings", verdict=Verdict.OK, message="can be carried out")


def packager_refusal(packager: Packager, *, why_not: str | None = None) -> tuple[str, str] | None:
    """The first setting of a packager that cannot be carried out, as a sentence, and how to mend it; None for none.

    Args:
        packager: The settings.
        why_not: Why no directory can stand in for the package where the jobs run; None where one can.
    """
    if packager.symlink_from_remote_dir is not None and why_not is not None:
        return (
            f"packager.symlink_from_remote_dir names a directory of a cluster, and {why_not}",
            "take it out of the profile",
        )
    return _refusal_inside(packager, "packager")


def _refusal_inside(packager: Packager, place: str) -> tuple[str, str] | None:
    if not isinstance(packager, HybridPackager):
        return None
    for name, one in packager.sub_packagers.items():
        inside = f"{place}.sub_packagers.{name}"
        if one.symlink_from_remote_dir is not None:
            return (
                f"{inside}.symlink_from_remote_dir: a directory stands in for a whole package only",
                "set symlink_from_remote_dir of the packager itself, or take it out",
            )
        if one.kind == "none":
            return (f'{inside} is of kind "none", which takes no file', "take it out")
        if (found := _refusal_inside(one, inside)) is not None:
            return found
    return None


def failed(name: str, error: ExecutorRefused) -> Check:
    """A check that an error answers."""
    return Check(name=name, verdict=Verdict.FAIL, message=error.message, remedy=error.hint)
