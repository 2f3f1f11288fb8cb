"""TorchX's Docker scheduler, on a real engine: jobs in images, which see no file of this machine."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from pathlib import Path

import pytest
from docker.api.container import ContainerApiMixin
from docker.errors import NotFound

from nemorun_discover.executors.torchx import TorchxExecutor
from nemorun_discover.model.job import Job
from nemorun_discover.model.layout import ExperimentLayout
from nemorun_discover.model.record import Project
from nemorun_discover.schedulers.protocol import Submission
from nemorun_discover.schedulers.torchx.sdk import Sdk
from nemorun_discover.schedulers.torchx.settings import name_of
from tests.cli.conftest import Cli
from tests.schedulers.test_torchx_boxed import TASKS
from tests.schedulers.test_torchx_run import drivers, jobs_of, until
from tests.services.docker.images import PYTHON, SHELL

MORE = """
@nemorun.task
def waits():
    print("begun", flush=True)
    import time
    for line in range(100000):
        print(f"line {line}", flush=True)
        if pathlib.Path("/tmp/go").exists():
            return "went"
        time.sleep(0.2)
"""
CONFIG = f"""
[profiles.box]
kind = "torchx"
scheduler = "local_docker"
image = "{PYTHON}"
env_vars = {{ PLAIN = "a,b $HOME $$" }}

[profiles.box.packager]
kind = "pattern"
include_pattern = "*.py"
"""


@pytest.fixture
def project(tmp_path, engine):
    root = tmp_path / "project"
    root.mkdir()
    (root / ".git").mkdir()
    (root / "tasks.py").write_text(TASKS + MORE)
    (root / "nemorun.toml").write_text(CONFIG)
    return root


@pytest.fixture
def nemorun(project):
    cli = Cli(project)
    yield cli
    cli("cancel")
    cli("wait")


def log_of(nemorun):
    job = jobs_of(nemorun("status", "--json"))["waits"]
    path = Path(job["log"])
    return path.read_text() if path.exists() else ""


def test_a_job_in_an_image_has_its_code_its_upstream_and_its_result(nemorun):
    answer = nemorun("run", "-k", "number or double or seven", "-e", "box", "--json")

    jobs = jobs_of(answer)
    assert jobs["double"]["result"] == 4, answer.err
    assert jobs["number"]["result"]["env"] == "a,b $HOME $$"
    assert Path(jobs["number"]["log"]).read_text() == "counting\nout of the box\n"
    assert (jobs["seven"]["state"], jobs["seven"]["exit_code"]) == ("FAILED", 7)


def test_it_is_cancelled(nemorun):
    nemorun("run", "-k", "waits", "-e", "box", "--detach")
    until(lambda: "line 1" in log_of(nemorun))

    nemorun("cancel")

    assert jobs_of(nemorun("wait", "--json"))["waits"]["state"] == "CANCELLED"


def test_it_is_found_again_after_its_driver_was_killed_and_its_log_has_each_line_once(nemorun):
    nemorun("run", "-k", "waits", "-e", "box", "--detach")
    until(lambda: "line 3\n" in log_of(nemorun))
    for pid in drivers():
        os.kill(pid, signal.SIGKILL)
    until(lambda: not drivers())

    container = jobs_of(nemorun("status", "--json"))["waits"]["native_id"].rpartition("/")[2]
    names = subprocess.run(
        ["docker", "ps", "-q", "--filter", f"label=torchx.pytorch.org/app-id={container}"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    subprocess.run(["docker", "exec", *names, "busybox", "touch", "/tmp/go"], check=True)
    job = jobs_of(nemorun("wait", "--json"))["waits"]

    assert (job["state"], job["result"], job["attempt"]) == ("SUCCEEDED", "went", 1)
    begun, *lines = Path(job["log"]).read_text().splitlines()
    assert begun == "begun"
    assert lines == [f"line {number}" for number in range(len(lines))]


def test_an_image_that_is_not_there_is_told_in_dockers_words(nemorun, project):
    (project / "nemorun.toml").write_text(CONFIG.replace(PYTHON, "nemorun-test/nosuch:1"))

    answer = nemorun("run", "-k", "number", "-e", "box")

    assert answer.code == 6
    assert "nosuch" in answer.out + answer.err


@pytest.mark.parametrize("task", ["a", "job", "eval", "waits", "my-task", "pre-train", "x" * 40])
def test_the_end_of_a_name_that_containers_get_begins_as_docker_wants_it(task):
    """TorchX takes the last 30 characters, of which its own letters are 12 to 14, seldom fewer."""
    job = Job(id=f"{task}@box", slug=task, task=task, file="t.py", executor="box")
    one = Submission(
        experiment_id="20261122-0712-lab-x7k2",
        job=job,
        attempt=1,
        paths=ExperimentLayout(Path("/e")).job(task),
        executor=TorchxExecutor(scheduler="local_docker"),
        project=Project(root="/lab", name="lab"),
        runtime=Path("/runtime"),
        root=Path("/lab"),
    )

    for letters in range(10, 15):
        app = f"{name_of(one)}-{'z' * letters}"
        assert app[-30].isalnum()
        assert len(app) <= 63


def test_an_image_that_mounts_our_files_runs_jobs_from_them(nemorun, project, home):
    mounts = [f"type=bind,src={one},dst={one}" for one in (project, home)]
    (project / "nemorun.toml").write_text(
        f'[profiles.box]\nkind = "torchx"\nscheduler = "local_docker"\nimage = "{PYTHON}"\n'
        f'mounts = {mounts}\nshares_files = true\npython = "python3"\nsecrets = ["TOKEN"]\n'
    )

    answer = nemorun("run", "-k", "number or seven", "-e", "box", "--json", TOKEN="s3cret")
    nemorun("run", "-k", "waits", "-e", "box", "--detach", TOKEN="s3cret")
    until(lambda: "line 1" in log_of(nemorun))
    nemorun("cancel")

    jobs = jobs_of(answer)
    assert jobs["number"]["result"]["cwd"] == str(project)
    assert jobs["seven"]["exit_code"] == 7
    assert jobs_of(nemorun("wait", "--json"))["waits"]["state"] == "CANCELLED"


def test_a_job_whose_name_nobody_wrote_down_is_found_by_it_and_not_started_again(nemorun):
    nemorun("run", "-k", "waits", "-e", "box", "--detach")
    until(lambda: "line 1" in log_of(nemorun))
    for pid in drivers():
        os.kill(pid, signal.SIGKILL)
    until(lambda: not drivers())
    before = jobs_of(nemorun("status", "--json"))["waits"]
    for pid in drivers():
        os.kill(pid, signal.SIGKILL)
    app = Path(before["log"]).with_name("app.json")
    document = json.loads(app.read_text())
    app.write_text(json.dumps({key: one for key, one in document.items() if key != "handle"}))

    nemorun("status")
    until(lambda: json.loads(app.read_text()).get("handle"))

    assert json.loads(app.read_text())["handle"] == document["handle"]


def test_an_app_is_found_while_a_container_of_somebody_else_is_removed(engine, monkeypatch):
    def its(app):
        return {
            "torchx.pytorch.org/app-id": app,
            "torchx.pytorch.org/role-name": "role",
            "torchx.pytorch.org/replica-id": "0",
        }

    def ask_then_remove(self, **options):
        answer = listed(self, **options)
        with contextlib.suppress(NotFound):
            other.remove()
        return answer

    with contextlib.closing(engine.client()) as client:
        ours = client.containers.create(SHELL, "true", labels=its("nemorun-found-1"))
        other = client.containers.create(SHELL, "true", labels=its("goes"))
        listed = ContainerApiMixin.containers
        monkeypatch.setattr(ContainerApiMixin, "containers", ask_then_remove)

        handles = Sdk().handles("find", "local_docker", "nemorun-found")

        ours.remove()
    assert handles == ["local_docker://torchx/nemorun-found-1"]
