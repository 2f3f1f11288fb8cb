"""What a running job knows of itself and of the jobs it waited for."""

from __future__ import annotations

import json
import os
from pathlib import Path

from nemorun_discover.errors import OutsideJob, UsageError
from nemorun_discover.files import read_json
from nemorun_discover.model.layout import JobLayout

TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Any


class CurrentJob:
    """The job this process is part of.

    Attributes:
        experiment_id: `20261122-0712-train-x7k2`.
        job_id: `train[lr=0.0001]@local`.
        task: The task's name.
        executor: The executor's name.
        attempt: Counted from 1.
        params: The values this job was given, as JSON.
        job_dir: The job's folder.
        output_dir: Where to leave files; kept with the record. It exists.
    """

    def __init__(self, *, job: dict[str, Any], attempt: int, job_dir: Path) -> None:
        self.experiment_id: str = job["experiment"]
        self.job_id: str = job["id"]
        self.task: str = job["task"]
        self.executor: str = job["executor"]
        self.attempt = attempt
        self.params: dict[str, Any] = job["params"]
        self.job_dir = job_dir
        self.output_dir = JobLayout(job_dir).outputs

    def __repr__(self) -> str:
        return f"<CurrentJob {self.job_id} of {self.experiment_id}, attempt {self.attempt}>"


class UpstreamJob:
    """A job that this one waited for.

    Attributes:
        job_id: Its id.
        task: Its task's name.
        params: The values it was given, as JSON.
        result: What its task returned, as JSON; None when it returned None.
        output_dir: Where it left its files. Raises UsageError where they were not brought to this job's place.

    Raises:
        UsageError: Its folder was deleted.
    """

    def __init__(self, job_dir: Path, *, has_outputs: bool = True) -> None:
        paths = JobLayout(job_dir)
        job = read_json(paths.job)
        if not isinstance(job, dict) or not {"id", "task", "params"} <= set(job):
            if paths.job.exists():
                raise UsageError(f"{paths.job} is damaged", hint="run that job again")
            raise UsageError(
                f"{job_dir}: the job this one waited for is not there any more",
                hint="its experiment's folder was deleted; run it again",
            )
        self.job_id: str = job["id"]
        self.task: str = job["task"]
        self.params: dict[str, Any] = job["params"]
        self.result: Any = _result_at(paths.result)
        self._outputs = paths.outputs
        self._has_outputs = has_outputs

    @property
    def output_dir(self) -> Path:  # noqa: D102 - see above
        if not self._has_outputs:
            raise UsageError(
                f"the outputs of {self.job_id} were not brought here, only its result",
                hint=f"ask for them, @nemorun.task(inputs=[{self.task!r}]) or add(…, inputs=[{self.task!r}]): they are brought "
                "to wherever the task runs",
            )
        return self._outputs

    def __repr__(self) -> str:
        return f"<UpstreamJob {self.job_id}>"


def _result_at(path: Path) -> Any:  # noqa: ANN401 - JSON
    """What a job returned; a damaged file is not the same as None."""
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"{path} is damaged: {error}", hint="run that job again") from error


def current() -> CurrentJob:
    """The job this process runs in.

    Raises:
        OutsideJob: It runs in none.
    """
    job_dir, job = _this_job("nemorun.current()")
    return CurrentJob(job=job, attempt=int(os.environ["NEMORUN_ATTEMPT"]), job_dir=job_dir)


def upstream(task: str) -> UpstreamJob:
    """The one job of a task that this job waited for (`@nemorun.task(after=[task])`).

    Raises:
        OutsideJob: This process runs in no job.
        UsageError: This job waited for no job of that task, or for more than one, or it was deleted.
    """
    found = upstreams(task)
    if len(found) > 1:
        raise UsageError(
            f"this job waited for {len(found)} jobs of {task!r}",
            hint=f"nemorun.upstreams({task!r}) gives all of them",
        )
    return found[0]


def upstreams(task: str) -> tuple[UpstreamJob, ...]:
    """Every job of a task that this job waited for, in the order of the matrix.

    Raises:
        OutsideJob: This process runs in no job.
        UsageError: This job waited for no job of that task.
    """
    job_dir, job = _this_job(f"nemorun.upstream({task!r})")
    slugs = job["upstream"].get(task, [])
    if not slugs:
        raise UsageError(
            f"{job['id']} waited for no job of {task!r} in this experiment",
            hint=f"write @nemorun.task(after=[{task!r}]) and select both, or run with --with-deps",
        )
    without = job.get("results_only", ())
    return tuple(
        UpstreamJob(Path(os.path.normpath(job_dir.parent / slug)), has_outputs=slug not in without)
        for slug in slugs
    )


def _this_job(what: str) -> tuple[Path, dict[str, Any]]:
    folder = os.environ.get("NEMORUN_JOB_DIR")
    job = read_json(JobLayout(Path(folder)).job) if folder else None
    if folder is None or not isinstance(job, dict):
        raise OutsideJob(
            f"{what} was called outside a job",
            hint="it works in a task that `nemorun run` started",
        )
    return Path(folder), job
