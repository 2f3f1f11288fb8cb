"""A place where local jobs run, each in a folder of its own."""

from __future__ import annotations

import json
import os
import textwrap
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from nemorun_discover.executors.local import LocalExecutor
from nemorun_discover.model.job import Job
from nemorun_discover.model.layout import ExperimentLayout
from nemorun_discover.model.record import Project
from nemorun_discover.model.task import Script
from nemorun_discover.packaging.runtime import install_runtime
from nemorun_discover.schedulers.local.scheduler import LocalScheduler
from nemorun_discover.schedulers.protocol import Submission

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class LocalPlace:
    """Local jobs that run in `folder`."""

    def __init__(self, root: Path) -> None:
        self.folder = root / "pro ject's"
        self.folder.mkdir()
        self.layout = ExperimentLayout(root / "experiment")
        self.executor = LocalExecutor(max_parallel=2, grace_s=1)
        self._runtime = install_runtime(root)
        self._schedulers: list[LocalScheduler] = []

    def scheduler(self, env: dict[str, str] | None = None) -> LocalScheduler:
        self._schedulers.append(LocalScheduler(dict(os.environ) if env is None else env))
        return self._schedulers[-1]

    def submission(
        self,
        name: str,
        script: str = "true",
        *,
        env_vars: dict[str, str] | None = None,
        executor: str = "local",
        timeout_s: float | None = None,
        **fields: Any,
    ) -> Submission:
        settings = self.executor.clone()
        settings.env_vars = env_vars or {}
        job = Job(
            id=f"{name}@{executor}",
            slug=f"{name}@{executor}",
            task=name,
            file="nemorun.toml",
            executor=executor,
            script=Script(command=("bash", "-c", script)),
            timeout_s=timeout_s,
        )
        paths = self.layout.job(job.slug)
        paths.outputs.mkdir(parents=True, exist_ok=True)
        told = {
            "argv": list(job.script.command),
            "root": str(self.folder),
            "sys_path": [],
            "timeout_s": timeout_s,
            "grace_s": settings.grace_s,
        }
        paths.job.write_text(json.dumps(told))
        return Submission(
            experiment_id="20261122-0712-lab-x7k2",
            job=job,
            attempt=1,
            paths=paths,
            executor=settings,
            project=Project(root=str(self.folder), name="lab"),
            runtime=self._runtime,
            root=self.folder,
            **fields,
        )

    def function(self, name: str, text: str, **fields: Any) -> Submission:
        """One attempt of a function task: `f` of the text given."""
        submission = self.submission(name, **fields)
        (self.folder / f"{name}.py").write_text(textwrap.dedent(text))
        job = replace(submission.job, script=None, file=f"{name}.py", function="f")
        told = {
            "experiment": submission.experiment_id,
            "id": job.id,
            "task": name,
            "executor": job.executor,
            "params": {},
            "file": job.file,
            "function": "f",
            "argv": [],
            "args": [],
            "root": str(self.folder),
            "sys_path": [str(self.folder)],
            "timeout_s": job.timeout_s,
            "grace_s": self.executor.grace_s,
            "upstream": {},
        }
        submission.paths.job.write_text(json.dumps(told))
        return replace(submission, job=job)

    def end_everything(self) -> None:
        for scheduler in self._schedulers:
            for supervisor in scheduler._children.values():
                supervisor.terminate()  # it ends its job; before it can, it has not begun one
                supervisor.wait(30)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[LocalPlace]:
    place = LocalPlace(tmp_path)
    yield place
    place.end_everything()
