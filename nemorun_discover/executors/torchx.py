"""The TorchX executor: jobs on any scheduler that TorchX, or a plug-in of it, offers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from nemorun_discover.executors.base import Executor
from nemorun_discover.executors.settings import at_least

if TYPE_CHECKING:
    from collections.abc import Mapping

# TorchX's own schedulers whose jobs run on this machine, or on nodes that mount its file systems.
SEE_THIS_MACHINE = frozenset({"local_cwd", "slurm", "lsf"})
# Those whose jobs are processes, or containers, of this machine.
RUN_HERE = frozenset({"local_cwd", "local_docker"})


@dataclass(kw_only=True, slots=True)
class TorchxExecutor(Executor):
    """Jobs run on a scheduler of TorchX: one of its own, or one that an installed package adds.

    Attributes:
        scheduler: TorchX's name of the scheduler (`torchx runopts` lists them).
        cfg: Options of that scheduler, as `torchx run -cfg` takes them.
        image: What the job runs in, as the scheduler understands it (a container image); empty for none.
        resource: What the job needs: `cpu`, `gpu`, `memMB`, `capabilities`, `devices`, or `named_resource`,
            the name of resources that TorchX knows.
        mounts: Mounts as TorchX writes them ("type=bind,src=/data,dst=/data,readonly").
        ntasks_per_node: Processes of one job.
        shares_files: Whether jobs find this machine's files at the same paths; None for what is known of the
            scheduler: true for local_cwd, slurm and lsf, false for all others.
        code_dir: For jobs that see other files: where the image holds the project's code; empty for the
            image's working directory.
        python: Interpreter that runs the tasks; None for the one nemorun runs under, and for `python3` where
            jobs see other files.
        grace_s: Seconds between TERM and KILL when a job is ended.
    """

    kind: ClassVar[str] = "torchx"
    nodes: ClassVar[int] = 1
    gpus_per_task: ClassVar[int] = 0

    scheduler: str
    cfg: dict[str, Any] = field(default_factory=dict)
    image: str = ""
    resource: dict[str, Any] = field(default_factory=dict)
    mounts: list[str] = field(default_factory=list)
    ntasks_per_node: int = at_least(1, 1)
    shares_files: bool | None = None
    code_dir: str = ""
    python: str | None = None
    grace_s: float = at_least(0, 10.0)

    @classmethod
    def runs_here(cls, settings: Mapping[str, Any]) -> bool:
        """Whether the scheduler starts jobs on this machine."""
        return settings.get("scheduler") in RUN_HERE

    @property
    def sees_this_machine(self) -> bool:
        """True when jobs find this machine's files at the same paths."""
        if self.shares_files is None:
            return self.scheduler in SEE_THIS_MACHINE
        return self.shares_files

    @property
    def without_package(self) -> Literal["project", "image"]:
        """See `Executor.without_package`."""
        return "project" if self.sees_this_machine else "image"

    @property
    def CODE(self) -> str:  # type: ignore[override]  # noqa: N802 - here it depends on the scheduler
        """Where a job finds its code; see `Executor.CODE`."""
        return "" if self.sees_this_machine else "code"
