"""What SkyPilot is asked for an attempt, as `--dry-run` shows it. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from nemorun_discover.executors.skypilot import SkypilotExecutor
from nemorun_discover.schedulers.skypilot.names import own_cluster_name
from nemorun_discover.schedulers.skypilot.run import experiment_of
from nemorun_discover.schedulers.skypilot.task import task_of, without_secrets

if TYPE_CHECKING:
    from pathlib import Path

    from nemorun_discover.schedulers.protocol import Submission

_NOT_IN_A_FILE_NAME = re.compile(r"[^\w.-]+")


def request_of(submission: Submission) -> dict[str, Any]:
    """The request, without secrets.

    Raises:
        ConfigError: Settings that contradict each other.
    """
    task = without_secrets(task_of(submission, str(workdir_of(submission))))
    executor = submission.executor
    if not isinstance(executor, SkypilotExecutor):
        return {"call": "sky.jobs.launch", "task": task}
    options = {"cluster_name": cluster_of(submission), **launch_options(executor)}
    return {"call": "sky.launch", **options, "task": task}


def cluster_of(submission: Submission) -> str:
    """The cluster of an attempt: what the executor names, or the experiment's own."""
    named: str | None = getattr(submission.executor, "cluster_name", None)
    return named or own_cluster_name(submission.experiment_id, submission.job.executor)


def launch_options(executor: SkypilotExecutor) -> dict[str, Any]:
    """What `sky.launch` is told beside task and cluster; `fast` leaves a cluster that is up as it is."""
    return {
        "idle_minutes_to_autostop": executor.idle_minutes_to_autostop,
        "down": executor.autodown,
        "retry_until_up": executor.retry_until_up,
        "fast": True,
    }


def workdir_of(submission: Submission) -> Path:
    """The folder that is sent for the jobs of an attempt's executor."""
    name = _NOT_IN_A_FILE_NAME.sub("-", submission.job.executor)
    return experiment_of(submission).workdirs / name
