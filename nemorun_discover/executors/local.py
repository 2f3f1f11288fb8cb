"""The local executor: jobs as processes of this machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from nemorun_discover.executors.base import Executor
from nemorun_discover.executors.settings import at_least


@dataclass(kw_only=True, slots=True)
class LocalExecutor(Executor):
    """Jobs run on this machine, each in a process session of its own.

    Attributes:
        max_parallel: Jobs that run at once; None for the number of cores.
        ntasks_per_node: Processes of one job (on one node).
        nodes: Nodes of one job. More than one only inside an allocation that has as many, where
            MASTER_ADDR, MASTER_PORT and NODE_RANK say who is who.
        gpus_per_task: GPUs that a process gets for itself, through CUDA_VISIBLE_DEVICES.
        gpus: The devices that are shared out among jobs (["0", "1"]); None for the caller's
            CUDA_VISIBLE_DEVICES, else for what the machine has.
        python: Interpreter that runs the tasks; None for the one nemorun runs under.
        grace_s: Seconds between TERM and KILL when a job is ended.
    """

    kind: ClassVar[str] = "local"
    AT_HAND: ClassVar[bool] = True

    max_parallel: int | None = at_least(1, None)
    ntasks_per_node: int = at_least(1, 1)
    nodes: int = at_least(1, 1)
    gpus_per_task: int = at_least(0, 0)
    gpus: list[str] | None = None
    python: str | None = None
    grace_s: float = at_least(0, 10.0)
