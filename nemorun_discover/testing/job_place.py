"""A place for a kind whose jobs see this machine's files: local processes, containers with mounts, and the like."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, Self

from nemorun_discover.model.job import Job
from nemorun_discover.model.layout import ExperimentLayout
from nemorun_discover.model.record import Project
from nemorun_discover.model.state import State
from nemorun_discover.model.task import Script
from nemorun_discover.packaging.runtime import install_runtime
from nemorun_discover.schedulers.protocol import Submission
from nemorun_discover.testing.place import taken_over, until

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from nemorun_discover.executors.base import Executor
    from nemorun_discover.schedulers.protocol import Fact, Scheduler

_EXPERIMENT = "20261122-0712-lab-x7k2"
_GRACE_S = 1.0


class JobPlace:
    """Jobs of one executor that run in `folder`; what still runs at the end is cancelled.

    Args:
        root: An empty directory, pytest's `tmp_path`.
        executor: Settings of the kind; each submission has a copy.
        scheduler: What drives it; called with the environment.
    """

    def __init__(
        self, root: Path, executor: Executor, scheduler: Callable[[Mapping[str, str]], Scheduler]
    ) -> None:
        self.folder = root / "pro ject's"  # no path of ours may go through a shell unquoted
        self.folder.mkdir()
        self.executor = executor
        self._layout = ExperimentLayout(root / "experiment")
        self._runtime = install_runtime(root)
        self._make = scheduler
        self._schedulers: list[Scheduler] = []
        self._submissions: list[Submission] = []

    def scheduler(self) -> Scheduler:
        """A new scheduler, which knows nothing of what another one did."""
        self._schedulers.append(self._make(dict(os.environ)))
        return self._schedulers[-1]

    def submission(self, name: str, script: str, **fields: Any) -> Submission:  # noqa: ANN401 - of several types
        """One attempt of a script task; its folder and its job.json are there."""
        settings = self.executor.clone()
        settings.env_vars = fields.pop("env_vars", {})
        timeout_s = fields.pop("timeout_s", None)
        job = Job(
            id=f"{name}@lab",
            slug=f"{name}@lab",
            task=name,
            file="nemorun.toml",
            executor="lab",
            script=Script(command=("bash", "-c", script)),
            timeout_s=timeout_s,
        )
        paths = self._layout.job(job.slug)
        paths.outputs.mkdir(parents=True, exist_ok=True)
        told = {
            "argv": list(job.script.command) if job.script else [],
            "root": str(self.folder),
            "sys_path": [],
            "timeout_s": timeout_s,
            "grace_s": getattr(settings, "grace_s", _GRACE_S),
        }
        paths.job.write_text(json.dumps(told))
        submission = Submission(
            experiment_id=_EXPERIMENT,
            job=job,
            attempt=1,
            paths=paths,
            executor=settings,
            project=Project(root=str(self.folder), name="lab"),
            runtime=self._runtime,
            root=self.folder,
            **fields,
        )
        self._submissions.append(submission)
        return submission

    def end_everything(self) -> None:
        """Cancel what runs, wait until it has ended, and close all schedulers."""
        started = [one for one in self._submissions if one.paths.attempt(one.attempt).root.exists()]
        last = self.scheduler()
        for one in started:
            taken_over(last, one)
        last.cancel(started)
        until(lambda: not any(map(_runs, last.query(started).values())))
        for scheduler in self._schedulers:
            scheduler.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end_everything()


def _runs(fact: Fact) -> bool:
    return not fact.state.is_final and fact.state is not State.PLANNED
