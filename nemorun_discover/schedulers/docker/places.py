"""Where things lie inside a container. Pure."""

from __future__ import annotations

from posixpath import join, normpath
from typing import TYPE_CHECKING, cast

from nemorun_discover.launchers.place import Place
from nemorun_discover.schedulers.environment import Seen

if TYPE_CHECKING:
    from nemorun_discover.executors.docker import DockerExecutor
    from nemorun_discover.schedulers.protocol import Submission

JOB_DIR = "/nemorun"
CODE = f"{JOB_DIR}/code"
SECRETS = ".secrets"
PYTHON = "python3"


def settings(submission: Submission) -> DockerExecutor:
    """The executor of a submission to Docker."""
    return cast("DockerExecutor", submission.executor)


def seen_inside(submission: Submission) -> Seen:
    """Where the job finds its folder and the runtime."""
    return Seen(job_dir=JOB_DIR, runtime=f"/opt/nemorun/{submission.runtime.name}")


def working_dir(submission: Submission) -> str:
    """The project's root."""
    return normpath(join(JOB_DIR, str(submission.root)))


def attempt_dir(submission: Submission) -> str:
    """The attempt's folder."""
    return f"{JOB_DIR}/{submission.paths.attempt(submission.attempt).root.name}"


def upstream_dir(folder: str) -> str:
    """Where the worker looks for a job that this one waited for; `folder` is relative to that of all jobs."""
    return normpath(join(JOB_DIR, "..", folder))


def place_of(submission: Submission) -> Place:
    """What launchers are to know."""
    executor = settings(submission)
    return Place(
        key=f"{submission.experiment_id}/{submission.job.slug}/{submission.attempt}",
        folder=JOB_DIR,
        python=executor.python or PYTHON,
        nproc_per_node=executor.ntasks_per_node,
    )
