"""How many tasks of which size a job asks Slurm for. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from nemorun_discover.executors.codec import launcher_of
from nemorun_discover.launchers.place import Place
from nemorun_discover.launchers.table import launch_command, starts_all_processes

if TYPE_CHECKING:
    from nemorun_discover.executors.slurm import SlurmExecutor
    from nemorun_discover.schedulers.protocol import Submission

from nemorun_discover.executors.macros import ExecutorMacros

DEFAULT_PYTHON = "python3"


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """The tasks of a job's step.

    Attributes:
        nodes: Nodes of the step.
        tasks_per_node: Tasks that srun starts on each; one, where a launcher starts the processes.
        processes_per_node: Processes of the job on each.
        cpus_per_task: CPUs of such a task; None for the cluster's default.
        gpus_per_task: GPUs of such a task; None says nothing.
        is_many: The job's processes are tasks of srun, and there is more than one.
    """

    nodes: int
    tasks_per_node: int
    processes_per_node: int
    cpus_per_task: int | None
    gpus_per_task: int | None
    is_many: bool

    @property
    def tasks(self) -> int:
        """Tasks of the step."""
        return self.nodes * self.tasks_per_node


def settings_of(submission: Submission) -> SlurmExecutor:
    """The executor, which is Slurm's."""
    return cast("SlurmExecutor", submission.executor)


def shape_of(executor: SlurmExecutor) -> Shape:
    """The tasks that the executor's settings make.

    With a launcher there is one task on each node, as large as the ones that it takes the place of together.
    """
    count = executor.ntasks_per_node
    if not starts_all_processes(launcher_of(executor)):
        return Shape(
            nodes=executor.nodes,
            tasks_per_node=count,
            processes_per_node=count,
            cpus_per_task=executor.cpus_per_task,
            gpus_per_task=executor.gpus_per_task,
            is_many=executor.nodes * count > 1,
        )
    cpus = executor.cpus_per_task
    # With `exclusive` the task has all CPUs of the node; a number here would mean --exact, and leave it so many.
    has_all = executor.exclusive and cpus is None
    if count > 1 and executor.cpus_per_gpu is None and not has_all:
        cpus = (cpus or 1) * count
    gpus = executor.gpus_per_task
    return Shape(
        nodes=executor.nodes,
        tasks_per_node=1,
        processes_per_node=executor.torchrun_nproc_per_node or count,
        cpus_per_task=cpus,
        gpus_per_task=None if gpus is None else gpus * count,
        is_many=False,
    )


def launch_document(submission: Submission) -> dict[str, object]:
    """What job.json has beside `lifecycle/submission.py`'s own: how a task of srun starts the processes.

    Returns:
        launch: The beginning of the launcher's command, to which the worker adds its own; macros are filled
            in by the worker. is_many: see `Shape`.
    """
    executor = settings_of(submission)
    command = launch_command(launcher_of(executor), place_of(submission), [])
    return {"launch": command, "is_many": shape_of(executor).is_many}


def place_of(submission: Submission) -> Place:
    """Where the processes stand, in words that the worker fills in."""
    executor = settings_of(submission)
    shape = shape_of(executor)
    return Place(
        key=f"{submission.experiment_id}/{submission.job.slug}/{submission.attempt}",
        folder=ExecutorMacros.JOB_DIR_VAR,
        python=executor.python or DEFAULT_PYTHON,
        nnodes=shape.nodes,
        nproc_per_node=shape.processes_per_node,
        node_rank=ExecutorMacros.NODE_RANK_VAR,
        head=ExecutorMacros.HEAD_NODE_IP_VAR,
    )
