"""Where the processes of a job are to run, as far as a launcher must know it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """One node's part of a job.

    Attributes:
        nnodes: Nodes of the job.
        nproc_per_node: Processes on each of them.
        node_rank: This node's number; text where a shell fills it in later (`$SLURM_NODEID`).
        head: Address of the first node; text that a shell fills in is as good. One node has no use for it.
        key: Tells this attempt of the job from every other that may run beside it, and is the same on all
            its nodes.
        folder: The job's directory, where launchers leave their files.
        python: The interpreter of the job.
    """

    key: str
    folder: str
    python: str
    nnodes: int = 1
    nproc_per_node: int = 1
    node_rank: int | str = 0
    head: str = "127.0.0.1"
