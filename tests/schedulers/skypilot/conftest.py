"""A project whose jobs go through the real SkyPilot, and stories that several tests look at.

SkyPilot takes half a minute to bring a cluster up, and clusters of one user disturb each other: so each story has
one cluster, all tests of SkyPilot are one group of pytest-xdist, and a test looks at one thing in its story.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from nemorun_discover.model.layout import HomeLayout
from nemorun_discover.schedulers.skypilot.names import own_cluster_name
from tests.drivers import drivers_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from nemorun_discover.model.layout import ExperimentLayout
    from tests.services.skypilot.sandbox import Sandbox

PATIENCE_S = 1500.0  # on two cores that do other things too
_BIN = Path(sys.executable).parent


@dataclass(kw_only=True)
class Desk:
    """A project, a home of nemorun, and SkyPilot."""

    root: Path
    home: HomeLayout
    env: dict[str, str]
    sandbox: Sandbox
    told: dict[str, Any] = field(default_factory=dict)

    def write(self, name: str, text: str) -> None:
        (self.root / name).write_text(text)

    def nemorun(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.command("nemorun", *words, check=check)

    def command(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """A command that is installed beside nemorun, in the project's folder."""
        done = subprocess.run(
            [_BIN / words[0], *words[1:]],
            cwd=self.root,
            env=self.env,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        )
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    def experiment(self) -> ExperimentLayout:
        """The last one."""
        return self.home.experiment(self.status()["experiment"]["id"])

    def status(self) -> dict[str, Any]:
        return json.loads(self.nemorun("status", "--json").stdout)

    def jobs(self) -> dict[str, dict[str, Any]]:
        """By task, where the jobs of the last experiment stand."""
        return {job["task"]: job for job in self.status()["jobs"]}

    def clusters_up(self, *executors: str) -> list[str]:
        """Those of these executors, which name no cluster, whose cluster SkyPilot has."""
        known = self.sandbox.sky("status", "--refresh")
        experiment = self.experiment().root.name
        return [name for name in executors if own_cluster_name(experiment, name) in known]

    def wait_until(self, is_so: Callable[[], object], pause_s: float = 2.0) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not is_so():
            assert time.monotonic() < deadline, self.status()
            time.sleep(pause_s)

    def has_begun(self, task: str) -> bool:
        job = self.jobs()[task]
        assert job["state"] in ("PLANNED", "SUBMITTED", "PENDING", "RUNNING"), self.events()
        return job["state"] == "RUNNING"

    def kill_driver(self) -> None:
        """As a machine that loses its power: the driver, and what it was about to do."""
        experiment = self.experiment().root.name
        for pid in drivers_of(experiment):
            os.kill(pid, signal.SIGKILL)

    def events(self) -> list[dict[str, Any]]:
        lines = self.experiment().events.read_text().splitlines()
        return [json.loads(line) for line in lines]


@pytest.fixture(scope="session")
def make_desk(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Desk]:
    def make() -> Desk:
        root = tmp_path_factory.mktemp("pro ject's")
        home = HomeLayout(tmp_path_factory.mktemp("nemorun-home"))
        env = {**os.environ, **sandbox.env, "NEMORUN_HOME": str(home.root)}
        return Desk(root=root, home=home, env=env, sandbox=sandbox)

    return make


CONFIG = """
[project]
name = "story"
[profiles.pair]
kind = "skypilot"
infra = "slurm"
cluster_name = "story"
nodes = 2
gpus = "H100"
gpus_per_node = 1
launcher = "torchrun"
packager = { kind = "pattern", include_pattern = "*.py" }
python = "@python@"
setup = "echo preparing"
[profiles.one]
kind = "skypilot"
infra = "slurm"
cluster_name = "story"
gpus = "H100"
secrets = ["TOKEN"]
packager = { kind = "pattern", include_pattern = "*.py" }
[profiles.one.env_vars]
GREETING = '''a b'"$HOME ${x}'''
"""
TASKS = """
import os, time, nemorun

@nemorun.task(executors="pair")
def world():
    import torch, torch.distributed as dist
    dist.init_process_group("gloo")
    mine = torch.tensor([dist.get_rank() + 1])
    dist.all_reduce(mine)
    print("rank", dist.get_rank(), "of", dist.get_world_size(), flush=True)
    told = {"sum": int(mine), "size": dist.get_world_size(), "gpu": os.environ.get("CUDA_VISIBLE_DEVICES")}
    dist.destroy_process_group()
    return told

@nemorun.task(executors="one")
def good(lr: float = 0.5):
    print("greeting:", os.environ["GREETING"], "token:", os.environ["TOKEN"])
    print("no newline at the end", end="")
    (nemorun.current().output_dir / "model.txt").write_text("weights")
    return {"lr": lr, "where": os.getcwd()}

@nemorun.task(executors="one")
def fails():
    print("about to fail")
    raise SystemExit(7)

@nemorun.task(executors="one", after=["good"])
def reads():
    good = nemorun.upstream("good")
    return {"lr": good.result["lr"], "model": (good.output_dir / "model.txt").read_text()}

@nemorun.task(executors="one", after=["reads"])
def slow():
    for number in range(10_000):
        print("tick", number, flush=True)
        time.sleep(0.5)
"""


@pytest.fixture(scope="session")
def story(make_desk: Callable[[], Desk]) -> Desk:
    """Jobs of two executors on one cluster; the driver is killed while the last one runs, which is then cancelled."""
    desk = make_desk()
    desk.write("nemorun.toml", CONFIG.replace("@python@", str(desk.sandbox.torch_python)))
    desk.write("tasks.py", TASKS)
    desk.env["TOKEN"] = "s3cret;`id`"
    desk.nemorun("run", "--all", "-d")
    desk.wait_until(lambda: desk.has_begun("slow"))
    log = Path(desk.jobs()["slow"]["log"])
    desk.wait_until(lambda: log.read_text().count("tick") > 5)
    desk.kill_driver()
    desk.told["log before"] = log.read_text()
    time.sleep(2)
    desk.nemorun("status")
    desk.wait_until(lambda: len(log.read_text()) > len(desk.told["log before"]) + 20)
    desk.told["clusters"] = desk.sandbox.sky("status")
    desk.told["queue"] = desk.sandbox.sky("queue", "story")
    desk.nemorun("cancel", desk.experiment().root.name, check=False)
    desk.nemorun("wait", check=False)
    desk.told["clusters after"] = desk.sandbox.sky("status")
    return desk
