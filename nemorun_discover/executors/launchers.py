"""Launchers: what starts the processes of a job. Settings only; launchers/ builds the commands."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from nemorun_discover.executors.settings import at_least


@dataclass(kw_only=True, slots=True)
class Launcher:
    """No special launcher: the job's command itself, under `nsys profile` when asked for.

    Attributes:
        nsys_profile: Run the command under NVIDIA Nsight Systems.
        nsys_folder: Where profiles are written, relative to the job's directory.
        nsys_filename: Name of a profile; `%p` is the process id.
        nsys_trace: What is traced (`nsys profile --trace`).
        nsys_extra_args: More arguments for `nsys profile`.
        nsys_gpu_metrics: Sample GPU metrics too (`--gpu-metrics-device=all`).
    """

    kind: ClassVar[str] = "default"

    nsys_profile: bool = False
    nsys_folder: str = "nsys_profile"
    nsys_filename: str = "profile_%p"
    nsys_trace: list[str] = field(default_factory=lambda: ["nvtx", "cuda"])
    nsys_extra_args: list[str] = field(default_factory=list)
    nsys_gpu_metrics: bool = False


@dataclass(kw_only=True, slots=True)
class Torchrun(Launcher):
    """`torchrun`: one process for each of a node's tasks, which find each other at a rendezvous.

    Attributes:
        rdzv_backend: Rendezvous backend.
        rdzv_port: Port of the rendezvous on the head node; None takes a free one where the job has one
            node, and otherwise derives one from the job (20000 to 28190), so that two jobs do not meet.
        rdzv_id: Id of the rendezvous; None takes the job's.
    """

    kind: ClassVar[str] = "torchrun"

    rdzv_backend: str = "c10d"
    rdzv_port: int | None = at_least(1, None)
    rdzv_id: str | int | None = None


@dataclass(kw_only=True, slots=True)
class FaultTolerance(Launcher):
    """`ft_launcher`: torchrun with NVIDIA's fault tolerance, which restarts workers that hang or die.

    Attributes:
        cfg_path: Its configuration file inside the job; the fields here win over what is in it. Empty for
            these fields and its own defaults.
        finished_flag_file: File by which the task tells that all the work is done; the task finds its name
            in FAULT_TOL_FINISHED_FLAG_FILE. Empty for `ft_finished` in the job's directory.
        job_results_file: File with one line for every attempt (folder, number, job id, exit code, signal,
            reason), where the executor starts the job again by itself (slurm); empty for `job_results` in
            the job's directory.
        rdzv_backend: Rendezvous backend.
        rdzv_port: Port of the rendezvous on the head node; None as in `torchrun`.
        rdzv_id: Id of the rendezvous; None takes the job's.
        workload_check_interval: Seconds between two checks of the workers; None for its default.
        initial_rank_heartbeat_timeout: Seconds until a worker's first heartbeat must have come; None
            for its default.
        rank_heartbeat_timeout: Seconds between two heartbeats of a worker; None for its default.
        rank_termination_signal: Signal that ends a worker that hangs (`SIGKILL`); None for its default.
        log_level: Its log level (`INFO`); None for its default.
        max_restarts: Restarts of the workers inside one attempt; None for its default.
    """

    kind: ClassVar[str] = "ft"

    cfg_path: str = ""
    finished_flag_file: str = ""
    job_results_file: str = ""
    rdzv_backend: str = "c10d"
    rdzv_port: int | None = at_least(1, None)
    rdzv_id: str | int | None = None
    workload_check_interval: float | None = at_least(0, None)
    initial_rank_heartbeat_timeout: float | None = at_least(0, None)
    rank_heartbeat_timeout: float | None = at_least(0, None)
    rank_termination_signal: str | None = None
    log_level: str | None = None
    max_restarts: int | None = at_least(0, None)
