"""A project on disk, and experiments launched from it with real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from nemorun_discover.executors.codec import executor_to_dict
from nemorun_discover.executors.local import LocalExecutor
from nemorun_discover.lifecycle.cancel import cancel
from nemorun_discover.lifecycle.carry_on import carry_on
from nemorun_discover.lifecycle.launch import launch
from nemorun_discover.lifecycle.observe import observe
from nemorun_discover.lifecycle.plan import Plan
from nemorun_discover.lifecycle.watch import watch
from nemorun_discover.model.job import Job
from nemorun_discover.model.record import Project
from nemorun_discover.store.home import open_home
from tests.drivers import drivers_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from nemorun_discover.lifecycle.standby import Standby
    from nemorun_discover.model.status import ExperimentStatus, JobStatus

PATIENCE_S = 30.0


class Lab:
    """Launches jobs of one project and looks at them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.home = open_home(os.environ)
        self.executor = LocalExecutor(max_parallel=4, grace_s=2)
        self.launched: list[str] = []

    def write(self, text: str, name: str = "tasks.py") -> None:
        (self.root / name).write_text("import nemorun\n" + textwrap.dedent(text))

    def job(self, function: str, /, **fields: Any) -> Job:
        defaults: dict[str, Any] = {
            "id": f"{function}@local",
            "slug": f"{function}@local",
            "task": function,
            "file": "tasks.py",
            "function": function,
            "executor": "local",
        }
        return Job(**(defaults | fields))

    def launch(self, *jobs: Job, driver: Standby | None = None, **fields: Any) -> str:
        plan = Plan(
            title="lab",
            project=Project(root=str(self.root), name="lab"),
            jobs=jobs,
            executors={"local": executor_to_dict(self.executor)},
        )
        experiment = launch(self.home, replace(plan, **fields), os.environ, driver=driver)
        self.launched.append(experiment)
        return experiment

    def finish(self, experiment: str) -> ExperimentStatus:
        """Where the experiment stands when every job is final."""
        deadline = time.monotonic() + PATIENCE_S
        for status in watch(self.home, experiment):
            assert time.monotonic() < deadline, status
        return status

    def run(self, *jobs: Job, **fields: Any) -> dict[str, JobStatus]:
        status = self.finish(self.launch(*jobs, **fields))
        return {job.id.partition("@")[0]: job for job in status.jobs}

    def wait_until(self, is_so: Callable[[], object]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not is_so():
            assert time.monotonic() < deadline, "it never came true"
            time.sleep(0.02)

    def status_of(self, experiment: str, job: str) -> JobStatus:
        return next(one for one in observe(self.home, experiment).jobs if one.id == job)

    def driver_pid(self, experiment: str) -> int:
        """The process whose command line names the experiment."""
        return next(iter(drivers_of(experiment)), 0)

    def is_running(self, pid: int) -> bool:
        state = subprocess.run(
            ["ps", "-o", "state=", "-p", str(pid)], capture_output=True, text=True, check=False
        ).stdout.strip()
        return state not in ("", "Z", "X")

    def kill_driver(self, experiment: str) -> None:
        self.wait_until(lambda: self.driver_pid(experiment))
        os.kill(self.driver_pid(experiment), signal.SIGKILL)
        self.wait_until(lambda: not self.driver_pid(experiment))

    def end_everything(self) -> None:
        for experiment in self.launched:
            status = observe(self.home, experiment)
            cancel(self.home, experiment, [job.id for job in status.jobs])
            self.finish(experiment)
            carry_on(self.home, experiment)


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    root = tmp_path / "pro ject's"  # a space and a quote: no path of ours goes through a shell
    root.mkdir()
    lab = Lab(root)
    yield lab
    lab.end_everything()


@pytest.fixture
def python() -> str:
    return sys.executable
