"""The Slurm executor: jobs as batch jobs of a cluster."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from nemorun_discover.executors.base import Executor
from nemorun_discover.executors.packagers import GitArchivePackager, Packager
from nemorun_discover.executors.settings import FAMILY, at_least
from nemorun_discover.executors.tunnels import LocalTunnel, Tunnel


@dataclass(kw_only=True, slots=True)
class SlurmJobDetails:
    """What a batch job is called, and where it writes.

    Attributes:
        job_name: Name of the batch job; None makes one from the experiment and the job.
        folder: Directory on the cluster in which its logs are found too, as `<name>_<job id>.out`.
    """

    kind: ClassVar[str] = "slurm"

    job_name: str | None = None
    folder: str | None = None


@dataclass(kw_only=True, slots=True)
class SlurmExecutor(Executor):
    """Jobs run on a Slurm cluster, through `sbatch` on its login node.

    None always means: the option is not given, the cluster's own default holds.

    Attributes:
        tunnel: How the login node is reached.
        account: Account to charge.
        partition: Partition, or several separated by commas.
        job_name_prefix: Put before every job's name; None for `{account}.`, or nothing without an account.
        time: Wall-clock limit as sbatch takes it: minutes, "HH:MM:SS" or "D-HH:MM:SS"; None for the task's
            own `timeout`, in whole minutes.
        nodes: Nodes of one job.
        ntasks_per_node: Tasks on each node.
        cpus_per_task: CPUs of a task.
        cpus_per_gpu: CPUs for each GPU.
        gpus_per_node: GPUs of each node.
        gpus_per_task: GPUs of a task.
        qos: Quality of service.
        mem: Memory of a node ("64G"; without a unit megabytes; "0" for all).
        mem_per_gpu: Memory for each GPU.
        mem_per_cpu: Memory for each CPU.
        comment: Comment of the job. nemorun adds a key by which it finds the job again.
        constraint: Features that the nodes must have.
        exclude: Nodes to keep away from.
        gres: Generic resources ("gpu:a100:4").
        signal: Signal before the time limit, as sbatch takes it ("B:USR1@120": seconds).
        exclusive: True for whole nodes, or the word that sbatch takes ("user", "mcs").
        array: False submits each job by itself. Otherwise jobs that differ in parameters only go as one array.
        max_parallel: Jobs of such an array that run at once; None for no limit but the cluster's.
        open_mode: Whether a requeued job appends to its log or truncates it.
        requeue: True and False say `--requeue` and `--no-requeue`.
        segment: Nodes of a segment on block topologies.
        network: Network options of the interconnect.
        container_image: Image of the job (Pyxis: a registry's name or a .sqsh file); None for no container.
        container_mounts: Mounts, each as "source:target" or "source:target:flags"; a source that begins with
            `/$nemo_run` lies in the job's directory. nemorun adds its own `job_dir`.
        container_env: Variables whose value in the job wins over the image's.
        additional_parameters: More options of sbatch, by name: `{"mail-type": "END"}`.
        srun_args: More arguments of srun, each one word.
        setup_lines: Shell code before the job's command, in the batch script; it finds the job's variables.
        python: Interpreter that runs the tasks, on the nodes or in the container; None for `python3`.
        heterogeneous: Each member of a group gets nodes of its own in one heterogeneous job.
        het_group_indices: Which component each member of a group runs in; None for one each, in order.
        memory_measure: Record the GPUs' memory beside the job, every few seconds.
        job_details: The batch job's name and its output folder.
        dependency_type: How a job waits for the one it comes after.
        torchrun_nproc_per_node: Processes that torchrun starts on a node; None for `ntasks_per_node`.
        wait_time_for_group_job: Seconds between the starts of two members of a group.
        monitor_group_job: End the other members of a group when its policy says so.
        monitor_group_job_wait_time: Seconds between two looks at the members of a group.
        poll_estimated_start_time: Ask for the estimated start of a pending job.
        stderr_to_stdout: Write one log instead of two.
    """

    kind: ClassVar[str] = "slurm"
    CODE: ClassVar[str] = "code"

    @property
    def sees_this_machine(self) -> bool:
        """True when this machine is the login node: nodes mount what lies here, or nothing could run."""
        return isinstance(self.tunnel, LocalTunnel)

    @property
    def without_package(self) -> Literal["project", "nothing"]:
        """See `Executor.without_package`."""
        return "project" if self.sees_this_machine else "nothing"

    packager: Packager = field(default_factory=GitArchivePackager, metadata={FAMILY: "packager"})
    tunnel: Tunnel = field(default_factory=LocalTunnel, metadata={FAMILY: "tunnel"})
    account: str | None = None
    partition: str | None = None
    job_name_prefix: str | None = None
    time: str | None = None
    nodes: int = at_least(1, 1)
    ntasks_per_node: int = at_least(1, 1)
    cpus_per_task: int | None = at_least(1, None)
    cpus_per_gpu: int | None = at_least(1, None)
    gpus_per_node: int | None = at_least(0, None)
    gpus_per_task: int | None = at_least(0, None)
    qos: str | None = None
    mem: str | None = None
    mem_per_gpu: str | None = None
    mem_per_cpu: str | None = None
    comment: str | None = None
    constraint: str | None = None
    exclude: str | None = None
    gres: str | None = None
    signal: str | None = None
    exclusive: bool | str | None = None
    array: bool | str | None = None
    max_parallel: int | None = at_least(1, None)
    open_mode: Literal["append", "truncate"] = "append"
    requeue: bool | None = None
    segment: int | None = at_least(1, None)
    network: str | None = None
    container_image: str | None = None
    container_mounts: list[str] = field(default_factory=list)
    container_env: list[str] = field(default_factory=list)
    additional_parameters: dict[str, Any] = field(default_factory=dict)
    srun_args: list[str] = field(default_factory=list)
    setup_lines: str | None = None
    python: str | None = None
    heterogeneous: bool = False
    het_group_indices: list[int] | None = None
    memory_measure: bool = False
    job_details: SlurmJobDetails = field(
        default_factory=SlurmJobDetails, metadata={FAMILY: "job_details"}
    )
    dependency_type: Literal["afterok", "afterany", "afternotok", "after"] = "afterok"
    torchrun_nproc_per_node: int | None = at_least(1, None)
    wait_time_for_group_job: float = at_least(0, 30.0)
    monitor_group_job: bool = True
    monitor_group_job_wait_time: float = at_least(0, 60.0)
    poll_estimated_start_time: bool = True
    stderr_to_stdout: bool = True
