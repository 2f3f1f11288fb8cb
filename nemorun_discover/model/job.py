"""A job: one task, bound to one set of parameters, on one executor."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from nemorun_discover.model.task import Json, Script


class Condition(StrEnum):
    """How an upstream job must have ended for the job that waits for it to start."""

    OK = "ok"
    ANY = "any"
    NOTOK = "notok"


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """One cell of the matrix, complete enough to be run and to be run again.

    Attributes:
        id: `train[lr=0.0001]@slurm_a`; begins with the task's node id where its name is not unique.
        slug: The job's folder: `id` made safe for any file system, unique in the experiment.
        task: The task's name.
        file: The task's file, relative to the project's root.
        function: The function's name in `file`, or in `module`; None for a script task.
        module: Import the function from this module instead, which every interpreter of the job has;
            `file` is empty then.
        is_main: `file` is the script that launched the job: only what the function needs of it is run.
        script: What a script task runs; None for a function.
        import_roots: Directories that the task's packages are imported from, relative to the project's root;
            they come after the root and its `pythonpath`, and before all that is installed.
        params: Every value that is sent, converted to JSON; a parameter left out takes its Python default.
        exact: Values that annotations alone would not bring back (a Path without annotation, a tuple), as
            `worker/exact.py` writes them; they win over `params`, which people read.
        args: What followed `--`: more argv for a script task.
        executor: The name of the profile, factory or built-in kind.
        after: Ids of the jobs of this experiment that must have ended first, by the upstream task's name.
        inputs: Upstream tasks, by name, whose outputs it gets from wherever they ran; of the others it gets the
            results alone, unless they ran in the same place.
        conditions: How they must have ended, by id; OK for those that are not named.
        group: The group it belongs to: its members start together. None for none.
        earlier: Upstream jobs that an earlier experiment has done, as `<experiment id>/<slug>`, by the
            upstream task's name.
        timeout_s: Wall-clock limit of one attempt; None for none.
        retries: Attempts after the first that failed.
    """

    id: str
    slug: str
    task: str
    file: str
    executor: str
    function: str | None = None
    module: str | None = None
    is_main: bool = False
    script: Script | None = None
    import_roots: tuple[str, ...] = ()
    params: dict[str, Json] = field(default_factory=dict)
    exact: dict[str, Json] = field(default_factory=dict)
    args: tuple[str, ...] = ()
    after: dict[str, tuple[str, ...]] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()
    conditions: dict[str, Condition] = field(default_factory=dict)
    group: str | None = None
    earlier: dict[str, tuple[str, ...]] = field(default_factory=dict)
    timeout_s: float | None = None
    retries: int = 0

    @property
    def task_key(self) -> str:
        """What tells its task from every other one of the experiment: file, or module, and name in it."""
        return task_key(self.file or self.module or "", self.function or self.task)


def task_key(file: str, name: str) -> str:
    """The same of a task that has no job yet."""
    return f"{file}::{name}"
