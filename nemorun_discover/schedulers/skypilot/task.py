"""From an attempt to SkyPilot's task, in the form of its YAML. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from nemorun_discover.schedulers.skypilot.names import job_name
from nemorun_discover.schedulers.skypilot.resources import resources_of
from nemorun_discover.schedulers.skypilot.script import run_script, split_environment
from nemorun_discover.secrets import MASK, is_secret_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nemorun_discover.executors.skypilot import SkypilotSettings
    from nemorun_discover.schedulers.protocol import Submission


def task_of(submission: Submission, workdir: str) -> dict[str, Any]:
    """The task: what `sky launch` would read from a file.

    Args:
        submission: The attempt.
        workdir: The folder that SkyPilot sends.

    Raises:
        ConfigError: Settings that contradict each other.
    """
    executor = cast("SkypilotSettings", submission.executor)
    plain, paths = split_environment(submission)
    hidden = {
        name: value
        for name, value in plain.items()
        if name in submission.environment or is_secret_name(name)
    }
    task = {
        "name": job_name(submission),
        "workdir": workdir,
        "num_nodes": executor.nodes,
        "resources": resources_of(executor),
        "file_mounts": _mounts(submission, executor),
        "envs": {name: value for name, value in plain.items() if name not in hidden},
        "secrets": hidden,
        "config": executor.cluster_config_overrides,
        "setup": executor.setup,
        "run": run_script(submission, paths),
    }
    return {name: value for name, value in task.items() if value not in (None, {}, [])}


def without_secrets(task: Mapping[str, Any]) -> dict[str, Any]:
    """The task as it may be written down."""
    shown = dict(task)
    if "secrets" in shown:
        shown["secrets"] = dict.fromkeys(shown["secrets"], MASK)
    return shown


def _mounts(submission: Submission, executor: SkypilotSettings) -> dict[str, Any]:
    """By path in the job: a path here, a bucket's address, or a storage; relative paths begin at the project."""
    root = submission.project.root
    here = {
        target: source if "://" in source or source.startswith(("/", "~")) else f"{root}/{source}"
        for target, source in executor.file_mounts.items()
    }
    return {**here, **executor.storage_mounts}
