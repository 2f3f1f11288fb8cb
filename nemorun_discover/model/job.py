"""A job: one task, bound to one set of parameters, on one executor."""

from __future__ import annotations

from dataclasses import dataclass, field

from nemorun_discover.model.task import Json, Script


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """One cell of the matrix, complete enough to be run and to be run again.

    Attributes:
        id: `train[lr=0.0001]@slurm_a`; begins with the task's node id where its name is not unique.
        slug: The job's folder: `id` made safe for any file system, unique in the experiment.
        task: The task's name.
        file: The task's file, relative to the project's root.
        function: The function's name in `file`; None for a script task.
        script: What a script task runs; None for a function.
        params: Every value that is sent, converted to JSON; a parameter left out takes its Python default.
        args: What followed `--`: more argv for a script task.
        executor: The name of the profile, factory or built-in kind.
        after: Ids of the jobs of this experiment that must succeed first, by the upstream task's name.
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
    script: Script | None = None
    params: dict[str, Json] = field(default_factory=dict)
    args: tuple[str, ...] = ()
    after: dict[str, tuple[str, ...]] = field(default_factory=dict)
    earlier: dict[str, tuple[str, ...]] = field(default_factory=dict)
    timeout_s: float | None = None
    retries: int = 0
