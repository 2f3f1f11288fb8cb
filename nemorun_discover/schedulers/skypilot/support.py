"""What of an executor's settings cannot be carried out with SkyPilot, wherever the job would run. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nemorun_discover.errors import ConfigError
from nemorun_discover.executors.codec import launcher_of
from nemorun_discover.executors.launchers import FaultTolerance
from nemorun_discover.schedulers.checking import packager_refusal
from nemorun_discover.schedulers.skypilot.resources import resources_of

if TYPE_CHECKING:
    from nemorun_discover.executors.skypilot import SkypilotSettings


def check_settings(executor: SkypilotSettings) -> None:
    """Raise ConfigError for the first setting that cannot be carried out."""
    resources_of(executor)
    launcher = launcher_of(executor)
    why_not = "SkyPilot's are made for the job"
    if (refused := packager_refusal(executor.packager, why_not=why_not)) is not None:
        raise ConfigError(refused[0], hint=refused[1])
    if isinstance(launcher, FaultTolerance) and launcher.job_results_file:
        raise ConfigError(
            "launcher.job_results_file is for clusters that start a job again by themselves",
            hint="leave it empty: `nemorun status` shows every attempt",
        )
    if (
        getattr(executor, "autodown", False)
        and getattr(executor, "idle_minutes_to_autostop", 0) is None
    ):
        raise ConfigError(
            "autodown = true needs to know when: idle_minutes_to_autostop is not set",
            hint="give it minutes, or autodown = false for a cluster that stays up",
        )
