"""A task of `srun`: one process of a Slurm job, or the launcher of one of its nodes.

    python <runtime>.zip --srun <folder> <attempt>

Slurm's variables tell it who it is. It leaves `process.json` in the attempt's folder, which is the only
proof that the job ran at all: a step whose container or plugin could not be started can end with 0.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import time

from nemorun_discover.shortage import patiently
from nemorun_discover.worker.claim import create_once
from nemorun_discover.worker.preempt import preempt_signal, wait_for_callbacks
from nemorun_discover.worker.ranks import be_launcher
from nemorun_discover.worker.relay import relay
from nemorun_discover.worker.task import filled, run_task

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from nemorun_discover.model.layout import AttemptLayout, JobLayout


def run_srun_task(job: dict[str, Any], paths: JobLayout, attempt: AttemptLayout) -> int:
    """Be the task of srun that Slurm's variables describe; the exit code, where it returns.

    Args:
        job: The content of job.json. Its `launch` is the beginning of a command that starts the job's
            processes (torchrun, nsys), to which the command of such a process is added; empty or missing
            where this process is one itself.
        paths: The job's folder.
        attempt: The attempt's folder.
    """
    launch = job.get("launch", [])
    many = bool(job.get("is_many"))
    os.environ.update(srun_variables(os.environ, is_rank=many))
    if os.environ.get("SLURM_PROCID", "0") == "0":
        _leave_proof(attempt)
    wait_for_callbacks()
    os.chdir(job["root"])
    if not launch:
        return run_task(job, paths, attempt, rank=int(os.environ["RANK"]) if many else None)
    number = attempt.root.name.rpartition("-")[2]
    rank = [sys.executable, sys.argv[0], "--rank", str(paths.root), number]
    command = [*filled(launch), *rank]
    announced = preempt_signal()
    if announced is None or announced is signal.SIGTERM:
        return be_launcher(command)
    return relay(lambda: be_launcher(command), attempt.root, announced)


def srun_variables(env: Mapping[str, str], *, is_rank: bool) -> dict[str, str]:
    """What a process of a job is told, from what Slurm tells a task of a step. Pure.

    Args:
        env: The task's environment.
        is_rank: It is one of several processes, and not a launcher that starts them: torch's `env://` too.
    """
    node, nodes = env.get("SLURM_NODEID", "0"), env.get("SLURM_STEP_NUM_NODES", "1")
    told = {"NEMORUN_NNODES": nodes, "NEMORUN_NODE_RANK": node, "NODE_RANK": node}
    if not is_rank:
        return told
    size = env.get("SLURM_STEP_NUM_TASKS", "1")
    return {
        **told,
        "RANK": env.get("SLURM_PROCID", "0"),
        "WORLD_SIZE": size,
        "LOCAL_RANK": env.get("SLURM_LOCALID", "0"),
        "LOCAL_WORLD_SIZE": str(int(size) // int(nodes)),
        "GROUP_RANK": node,
        "MASTER_ADDR": env.get("MASTER_ADDR") or "127.0.0.1",
    }


def _leave_proof(attempt: AttemptLayout) -> None:
    # In a heterogeneous job SLURM_JOB_ID is the first component's in all of them (22.05).
    component = os.environ.get("NEMORUN_HET_GROUP")
    name = "SLURM_JOB_ID" if component is None else f"SLURM_JOB_ID_HET_GROUP_{component}"
    step = f"{os.environ.get(name, '')}.{os.environ.get('SLURM_STEP_ID', '')}"
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    document = {"pid": os.getpid(), "host": socket.gethostname(), "started_at": now, "step": step}
    patiently(lambda: create_once(attempt.process, document))
