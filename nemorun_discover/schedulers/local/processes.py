"""The processes of a local job: how many, which node's, and the command line of what starts them. Pure."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, cast

from nemorun_discover.executors.codec import launcher_of
from nemorun_discover.launchers.place import Place
from nemorun_discover.launchers.table import launch_command, starts_all_processes
from nemorun_discover.schedulers.environment import job_environment, launcher_environment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nemorun_discover.executors.local import LocalExecutor
    from nemorun_discover.schedulers.protocol import Submission

THIS_HOST = "127.0.0.1"
# What an outer torchrun, srun or rank told the shell that nemorun runs in, and would be wrong in the job.
_OF_A_RANK = frozenset(
    (
        "RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "NODE_RANK", "GROUP_RANK",
        "GROUP_WORLD_SIZE", "ROLE_RANK", "ROLE_NAME", "ROLE_WORLD_SIZE",
    )
)  # fmt: skip
_OF_A_HEAD = frozenset(("MASTER_ADDR", "MASTER_PORT"))


def python_of(submission: Submission) -> str:
    """The interpreter of the job."""
    return _settings(submission).python or sys.executable


def node_rank_of(env: Mapping[str, str]) -> str:
    """The number of this node in an allocation; empty outside one."""
    return env.get("NODE_RANK") or env.get("SLURM_NODEID") or ""


def place_of(submission: Submission, caller: Mapping[str, str]) -> Place:
    """Where the job's processes stand; the caller's environment is that of the allocation, if it is in one."""
    executor = _settings(submission)
    nodes = executor.nodes
    own = f"{submission.job.slug}/{submission.attempt}"
    # Each node of an allocation has an experiment of its own: what they share is the allocation.
    shared = caller.get("SLURM_JOB_ID") or ":".join(
        caller.get(one, "") for one in sorted(_OF_A_HEAD)
    )
    return Place(
        key=f"{submission.experiment_id if nodes == 1 else shared}/{own}",
        folder=str(submission.paths.root),
        python=python_of(submission),
        nnodes=nodes,
        nproc_per_node=executor.ntasks_per_node,
        node_rank=int(node_rank_of(caller) or 0) if nodes > 1 else 0,
        head=caller.get("MASTER_ADDR", THIS_HOST) if nodes > 1 else THIS_HOST,
    )


def supervisor_argv(submission: Submission, caller: Mapping[str, str]) -> list[str]:
    """What is started for an attempt, as worker/entry.py reads it."""
    executor, launcher = _settings(submission), launcher_of(submission.executor)
    place = place_of(submission, caller)
    folder, attempt = str(submission.paths.root), str(submission.attempt)
    argv = [place.python, str(submission.runtime), folder, attempt]
    if _starts_ranks(submission):
        argv += ["--ranks", str(executor.ntasks_per_node)]
        argv += ["--gpus", str(executor.gpus_per_task)] if executor.gpus_per_task else []
    rank = [place.python, str(submission.runtime), "--rank", folder, attempt]
    started = launch_command(launcher, place, rank)
    return argv if started == rank else [*argv, "--", *started]


def local_environment(
    submission: Submission, caller: Mapping[str, str], inherited: Mapping[str, str]
) -> dict[str, str]:
    """The whole environment of a local job.

    Args:
        submission: The attempt.
        caller: The caller's environment, which may be that of an allocation.
        inherited: What of it the job is to have.
    """
    if not _is_one_plain_process(submission):
        hidden = _OF_A_RANK if _settings(submission).nodes > 1 else _OF_A_RANK | _OF_A_HEAD
        inherited = {
            name: value
            for name, value in inherited.items()
            if name not in hidden and not name.startswith("TORCHELASTIC_")
        }
    environment = job_environment(submission, inherited)
    environment |= _about_the_place(submission, place_of(submission, caller))
    if starts_all_processes(launcher_of(submission.executor)):
        # torchrun gives its processes as long to end as we give torchrun.
        grace_s = str(int(_settings(submission).grace_s))
        environment.setdefault("TORCH_ELASTIC_SHUTDOWN_TIMEOUT", grace_s)
    return environment


def _about_the_place(submission: Submission, place: Place) -> dict[str, str]:
    launcher = launcher_of(submission.executor)
    told = {"NEMORUN_NNODES": str(place.nnodes), "NEMORUN_NODE_RANK": str(place.node_rank)}
    if starts_all_processes(launcher):
        told["NODE_RANK"] = str(place.node_rank)
    return told | launcher_environment(submission, place)


def _is_one_plain_process(submission: Submission) -> bool:
    launcher = launcher_of(submission.executor)
    is_profiled = launcher is not None and launcher.nsys_profile
    return not (is_profiled or starts_all_processes(launcher) or _starts_ranks(submission))


def _starts_ranks(submission: Submission) -> bool:
    executor = _settings(submission)
    is_alone = executor.nodes * executor.ntasks_per_node == 1
    return not is_alone and not starts_all_processes(launcher_of(executor))


def _settings(submission: Submission) -> LocalExecutor:
    return cast("LocalExecutor", submission.executor)
