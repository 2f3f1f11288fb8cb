"""Experiments whose jobs TorchX runs, from the command line to the record: its own local scheduler, really."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.drivers import drivers_in

TASKS = """
import os, time, pathlib
import nemorun

@nemorun.task
def number(n: int = 2):
    print("counting")
    pathlib.Path(os.environ["NEMORUN_OUTPUT_DIR"], "kept").write_text("here")
    return {"n": n}

@nemorun.task(after=["number"])
def double():
    return 2 * nemorun.upstream("number").result["n"]

@nemorun.task
def seven():
    raise SystemExit(7)

@nemorun.task
def second():
    if nemorun.current().attempt == 1:
        raise SystemExit(1)
    return "at last"

@nemorun.task
def told():
    return {name: os.environ.get(name) for name in ("PLAIN", "TOKEN", "WANDB_RUN_GROUP")}

@nemorun.task
def waits():
    root = pathlib.Path(__file__).parent
    (root / "begun").touch()
    with open(root / "starts", "a") as file:
        file.write("x")
    while not (root / "go").exists():
        time.sleep(0.05)
    return "went"

@nemorun.task(timeout=1)
def long():
    time.sleep(600)
"""
CONFIG = """
[profiles.tx]
kind = "torchx"
scheduler = "local_cwd"
grace_s = 1
retries = 1
env_vars = { PLAIN = "a,b $HOME ${app_id} $$" }
secrets = ["TOKEN"]
"""


@pytest.fixture
def project(tmp_path):
    root = tmp_path / "pro ject's"
    root.mkdir()
    (root / ".git").mkdir()
    (root / "tasks.py").write_text(TASKS)
    (root / "nemorun.toml").write_text(CONFIG)
    return root


@pytest.fixture
def nemorun(project, monkeypatch):
    monkeypatch.setenv("TOKEN", "s3cret,$x")
    cli = Cli(project)
    yield cli
    cli("cancel")


def jobs_of(answer):
    text = answer.out if answer.lines[-1] == "}" else answer.lines[-1]
    return {job["task"]: job for job in json.loads(text)["jobs"]}


def until(is_so, patience_s=60):
    deadline = time.monotonic() + patience_s
    while not is_so():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.05)


def test_jobs_of_torchx_have_states_logs_results_outputs_and_upstreams(nemorun):
    answer = nemorun("run", "-k", "number or double", "-e", "tx", "--json")

    jobs = jobs_of(answer)
    assert answer.code == 0, answer.err
    assert {name: job["state"] for name, job in jobs.items()} == {
        "number": "SUCCEEDED",
        "double": "SUCCEEDED",
    }
    assert jobs["double"]["result"] == 4
    assert nemorun("logs", "-k", "number").out == "counting\n"
    assert Path(jobs["number"]["outputs"], "kept").read_text() == "here"


def test_an_executor_of_python_is_a_torchx_executor_too(nemorun, project):
    (project / "nemorun.toml").unlink()
    (project / "executors.py").write_text(
        "import nemorun\n\ndef mine(limit: int = 1) -> nemorun.TorchxExecutor:\n"
        "    return nemorun.TorchxExecutor(scheduler='local_cwd', cfg={'prepend_cwd': True})\n"
    )

    answer = nemorun("run", "-k", "number", "-e", "mine", "--json")

    assert jobs_of(answer)["number"]["result"] == {"n": 2}


def test_the_record_has_both_names_of_an_app(nemorun):
    job = jobs_of(nemorun("run", "-k", "number", "-e", "tx", "--json"))["number"]

    assert job["native_id"].startswith("local_cwd://torchx/nr-number-")
    assert job["handle"].startswith("nemorun_torchx://nemorun/")
    torchx = Path(sys.executable).with_name("torchx")
    answer = subprocess.run(
        [torchx, "status", job["handle"]], capture_output=True, text=True, check=False, timeout=60
    )
    assert "SUCCEEDED" in answer.stdout, answer.stderr


def test_a_job_of_torchx_fails_with_its_own_code_after_its_retries(nemorun):
    answer = nemorun("run", "-k", "seven", "-e", "tx", "--json")

    job = jobs_of(answer)["seven"]
    assert answer.code == 1
    assert (job["state"], job["reason"], job["exit_code"]) == ("FAILED", "EXIT_CODE", 7)
    assert job["attempt"] == 2


def test_a_retry_may_succeed(nemorun):
    job = jobs_of(nemorun("run", "-k", "second", "-e", "tx", "--json"))["second"]

    assert (job["state"], job["result"], job["attempt"]) == ("SUCCEEDED", "at last", 2)
    folder = Path(job["log"]).parents[1]
    apps = [json.loads(one.read_text()) for one in sorted(folder.glob("attempt-*/app.json"))]
    assert apps[1]["handle"] == job["native_id"] != apps[0]["handle"]


def test_variables_and_secrets_reach_the_job_as_they_are_and_nobody_else(nemorun, home):
    answer = nemorun("run", "-k", "told", "-e", "tx", "--json")

    job, experiment = jobs_of(answer)["told"], json.loads(answer.lines[-1])["experiment"]["id"]
    assert job["result"] == {
        "PLAIN": "a,b $HOME ${app_id} $$",
        "TOKEN": "s3cret,$x",
        "WANDB_RUN_GROUP": experiment,
    }
    folder = home / ".run" / "experiments" / experiment
    files = [one for one in folder.rglob("*") if one.is_file() and one.name != "result.json"]
    assert len(files) > 5
    assert [
        one for one in files if b"s3cret" in one.read_bytes() and one.name != "events.jsonl"
    ] == []


def test_a_job_of_torchx_ends_at_its_time_limit(nemorun):
    job = jobs_of(
        nemorun("run", "-k", "long", "-e", "tx", "-o", "profiles.tx.retries=0", "--json")
    )["long"]

    assert (job["state"], job["reason"]) == ("FAILED", "TIMEOUT")


def test_a_job_of_torchx_is_cancelled(nemorun, project):
    nemorun("run", "-k", "waits", "-e", "tx", "--detach")
    until((project / "begun").exists)

    nemorun("cancel")
    answer = nemorun("wait", "--json")

    assert jobs_of(answer)["waits"]["state"] == "CANCELLED"


def test_ctrl_c_ends_a_job_that_torchx_runs_on_this_machine(nemorun, project):
    process = nemorun.start("run", "-k", "waits", "-e", "tx")
    until((project / "begun").exists)

    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)

    assert process.returncode == 2
    assert b"cancelling 1 job on this machine" in err
    assert b"elsewhere" not in err
    assert b"CANCELLED" in out


def test_a_job_of_torchx_is_found_again_after_its_driver_was_killed(nemorun, project):
    nemorun("run", "-k", "waits", "-e", "tx", "--detach")
    until((project / "begun").exists)
    for pid in drivers():
        os.kill(pid, signal.SIGKILL)
    until(lambda: not drivers())

    before = jobs_of(nemorun("status", "--json"))["waits"]
    (project / "go").touch()
    after = jobs_of(nemorun("wait", "--json"))["waits"]

    assert before["state"] == "RUNNING"
    assert (after["state"], after["result"], after["attempt"]) == ("SUCCEEDED", "went", 1)
    assert after["native_id"] == before["native_id"] is not None
    assert (project / "starts").read_text() == "x"


def drivers():
    return drivers_in(os.environ["NEMORUN_HOME"])


def test_a_dry_run_shows_the_request_of_torchx_and_what_the_job_is_told(nemorun):
    answer = nemorun("run", "-k", "told", "-e", "tx", "--dry-run", "--json")

    text = answer.out
    assert answer.code == 0, answer.err
    assert "PopenRequest" in text or "role_params" in text
    assert "--start" in text
    assert "s3cret" not in text


KUBERNETES = """
[profiles.k8s]
kind = "torchx"
scheduler = "kubernetes"
image = "python:3.12"
cfg = { queue = "training", namespace = "ml" }
resource = { cpu = 4, gpu = 1, memMB = 16000 }
"""


def test_a_dry_run_for_kubernetes_is_the_whole_object_that_would_be_sent(nemorun, project, home):
    (project / "nemorun.toml").write_text(KUBERNETES)

    answer = nemorun("run", "-k", "number", "-e", "k8s", "--dry-run")

    assert answer.code == 0, answer.err
    for line in (
        "apiVersion: batch.volcano.sh/v1alpha1",
        "queue: training",
        "image: python:3.12",
        "nvidia.com/gpu: '1'",
        "restartPolicy: Never",
        "value: (the runtime, the job and its code)",
    ):
        assert line in answer.out
    assert not (home / ".run" / "experiments").exists()


def test_a_package_that_torchx_needs_and_is_not_there_is_one_sentence(nemorun, project, tmp_path):
    (project / "nemorun.toml").write_text(KUBERNETES)
    gone = "raise ModuleNotFoundError(\"No module named 'kubernetes'\", name='kubernetes')"
    (tmp_path / "kubernetes.py").write_text(gone)  # what is imported where it is not installed
    path = os.pathsep.join([str(tmp_path), nemorun.environment()["PYTHONPATH"]])

    answer = nemorun("run", "-k", "number", "-e", "k8s", "--dry-run", PYTHONPATH=path)

    assert answer.code == 6
    assert answer.err.splitlines()[:2] == [
        "error: k8s: kubernetes: TorchX needs the package kubernetes for it, which is not installed",
        "hint: pip install 'torchx[kubernetes]'",
    ]


REFUSED = {
    "scheduler": (
        'scheduler = "local_cwb"',
        "tx: TorchX has no scheduler 'local_cwb'; did you mean local_cwd",
    ),
    "cfg": (
        'scheduler = "slurm"\ncfg = { partitio = "batch" }',
        "tx: cfg.partitio: slurm has no such option; did you mean partition",
    ),
    "cfg type": (
        'scheduler = "local_cwd"\ncfg = { prepend_cwd = 3 }',
        "Run option: prepend_cwd, must be of type: bool",
    ),
    "required cfg": (
        'scheduler = "kubernetes"\nimage = "x"',
        "Required run option: queue, must be provided",
    ),
    "resource": (
        'scheduler = "slurm"\nresource = { cpus = 3 }',
        "tx: resource.cpus: there is no such resource; did you mean cpu?",
    ),
    "named resource": (
        'scheduler = "slurm"\nresource = { named_resource = "aws_p3.2xlarg" }',
        "Did you mean `aws_p3.2xlarge`?",
    ),
    "image": (
        'scheduler = "local_cwd"\nimage = "x"',
        "tx: image has no meaning for TorchX's local_cwd",
    ),
    "memory": (
        'scheduler = "local_cwd"\nresource = { memMB = 3 }',
        "tx: resource.memMB has no meaning for TorchX's local_cwd",
    ),
    "no image": (
        'scheduler = "local_docker"',
        "tx: TorchX's local_docker runs images, and none is given",
    ),
    "code_dir": (
        'scheduler = "local_cwd"\ncode_dir = "/app"',
        "tx: code_dir has no meaning where jobs see this machine's files",
    ),
}


@pytest.mark.parametrize(("profile", "said"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_is_refused_before_anything_is_written(
    nemorun, project, home, profile, said
):
    (project / "nemorun.toml").write_text(f'[profiles.tx]\nkind = "torchx"\n{profile}\n')

    answer = nemorun("run", "-k", "number", "-e", "tx")

    assert answer.code == 6
    assert said in answer.err
    assert "Traceback" not in answer.err
    assert not (home / ".run" / "experiments").exists()


def test_a_scheduler_that_another_package_adds_to_torchx_runs_jobs_too(nemorun, project, tmp_path):
    site = tmp_path / "site"
    info = site / "lab_torchx-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: lab-torchx\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[torchx.schedulers]\nlab = torchx.schedulers.local_scheduler:create_scheduler\n"
    )
    (project / "nemorun.toml").write_text(
        '[profiles.tx]\nkind = "torchx"\nscheduler = "lab"\nshares_files = true\n'
        f'cfg = {{ log_dir = "{tmp_path / "logs"}" }}\n'
    )
    path = os.pathsep.join([str(site), nemorun.environment()["PYTHONPATH"]])

    answer = nemorun("run", "-k", "number", "-e", "tx", "--json", PYTHONPATH=path)

    job = jobs_of(answer)["number"]
    assert (job["state"], job["result"]) == ("SUCCEEDED", {"n": 2})
    assert job["native_id"].startswith("lab://torchx/nr-number-")
