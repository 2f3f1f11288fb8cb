"""What of a local executor's settings this machine cannot carry out. Pure, but for looking at PATH."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from nemorun_discover.executors.codec import launcher_of
from nemorun_discover.executors.launchers import FaultTolerance
from nemorun_discover.launchers.nsys import PROGRAM
from nemorun_discover.schedulers.checking import packager_refusal
from nemorun_discover.schedulers.local.processes import node_rank_of
from nemorun_discover.schedulers.local.slots import devices_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nemorun_discover.executors.local import LocalExecutor

_INSIDE = "start it on each node of an allocation, or lower nodes to 1"


def refusal(executor: LocalExecutor, env: Mapping[str, str]) -> tuple[str, str] | None:
    """The first setting that cannot be carried out, as a sentence, and how to mend it; None for none.

    Args:
        executor: The settings.
        env: The caller's environment.

    Raises:
        ConfigError: The launcher is named by a word that is no kind.
    """
    return (
        _of_launcher(executor, env)
        or packager_refusal(executor.packager, why_not="a local job has none")
        or (_of_nodes(executor.nodes, env) if executor.nodes > 1 else None)
        or _of_gpus(executor, env)
    )


def _of_launcher(executor: LocalExecutor, env: Mapping[str, str]) -> tuple[str, str] | None:
    launcher = launcher_of(executor)
    if launcher is None:
        return None
    path = executor.env_vars.get("PATH") or env.get("PATH")
    if launcher.nsys_profile and shutil.which(PROGRAM, path=path) is None:
        return (
            f"launcher.nsys_profile needs {PROGRAM}, which is not on PATH",
            "install NVIDIA Nsight Systems, or take nsys_profile out of the launcher",
        )
    if isinstance(launcher, FaultTolerance) and launcher.job_results_file:
        return (
            "launcher.job_results_file is for clusters that start a job again by themselves",
            "leave it empty: `nemorun status` shows every attempt of a local job",
        )
    return None


def _of_nodes(nodes: int, env: Mapping[str, str]) -> tuple[str, str] | None:
    missing = [one for one in ("MASTER_ADDR", "MASTER_PORT") if not env.get(one)]
    rank = node_rank_of(env)
    if missing or not rank:
        names = ", ".join([*missing, *([] if rank else ["NODE_RANK"])])
        return f"nodes = {nodes} works inside an allocation only, and {names} is not set", _INSIDE
    if not rank.isdigit() or int(rank) >= nodes:
        return (
            f"nodes = {nodes}, but this node's number, {rank}, is none of 0 to {nodes - 1}",
            _INSIDE,
        )
    have = env.get("SLURM_JOB_NUM_NODES") or env.get("SLURM_NNODES") or str(nodes)
    if have != str(nodes):
        return f"nodes = {nodes}, but the allocation has {have}", f"set nodes = {have}"
    return None


def _of_gpus(executor: LocalExecutor, env: Mapping[str, str]) -> tuple[str, str] | None:
    have, tasks = len(devices_of(executor, env)), executor.ntasks_per_node
    if executor.gpus_per_task * tasks <= have:
        return None
    each = f"gpus_per_task = {executor.gpus_per_task}"
    wanted = each if tasks == 1 else f"{each} with ntasks_per_node = {tasks}"
    return (
        f"{wanted}, but this machine offers {have} GPUs",
        "lower gpus_per_task, or name the devices with gpus = [...]",
    )
