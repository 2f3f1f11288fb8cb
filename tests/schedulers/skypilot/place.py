"""Submissions to SkyPilot's adapter, made without asking SkyPilot anything."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nemorun_discover.executors.skypilot import SkypilotExecutor
from nemorun_discover.model.job import Job
from nemorun_discover.model.layout import ExperimentLayout
from nemorun_discover.model.record import Project
from nemorun_discover.model.task import Script
from nemorun_discover.packaging.runtime import install_runtime
from nemorun_discover.schedulers.protocol import Submission

if TYPE_CHECKING:
    from pathlib import Path

    from nemorun_discover.executors.base import Executor

EXPERIMENT = "20261122-0712-lab-x7k2"


class Place:
    """A home with one experiment."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.layout = ExperimentLayout(root / "experiments" / EXPERIMENT)
        self.project = root / "project"

    def submission(
        self, settings: Executor | None = None, *, script: str = "true", name: str = "a", **job: Any
    ) -> Submission:
        """A job that bash runs; its folder and its job.json are there."""
        command = ("bash", "-c", script)
        made = Job(
            id=f"{name}@sky",
            slug=f"{name}@sky",
            task=name,
            file="nemorun.toml",
            executor="sky",
            script=Script(command=command),
        )
        paths = self.layout.job(made.slug)
        paths.outputs.mkdir(parents=True, exist_ok=True)
        told = {"argv": command, "root": "code", "sys_path": [], "timeout_s": None}
        paths.job.write_text(json.dumps({**told, "grace_s": 1, "upstream": {}}))
        (self.root / "packages").mkdir(exist_ok=True)
        return Submission(
            experiment_id=EXPERIMENT,
            job=replace(made, **job),
            attempt=1,
            paths=paths,
            executor=settings or SkypilotExecutor(),
            project=Project(root=str(self.project), name="lab"),
            runtime=install_runtime(self.root / "packages"),
            root=self.root.__class__("code"),
        )
