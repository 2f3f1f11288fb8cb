"""Managed jobs: SkyPilot's controller brings a cluster up for each and tears it down."""

from __future__ import annotations

from pathlib import Path

import pytest

pytestmark = pytest.mark.xdist_group("skypilot")

CONFIG = """
[project]
name = "managed"
[profiles.managed]
kind = "skypilot_jobs"
infra = "slurm"
packager = { kind = "pattern", include_pattern = "*.py" }
"""
TASKS = """
import nemorun

@nemorun.task
def train(lr: float = 0.5):
    print("training")
    (nemorun.current().output_dir / "model.txt").write_text("weights")
    return {"lr": lr}
"""


@pytest.fixture(scope="module")
def managed(make_desk):
    desk = make_desk()
    desk.write("nemorun.toml", CONFIG)
    desk.write("tasks.py", TASKS)
    desk.nemorun("run", "-k", "train", "-e", "managed")
    return desk


def test_a_managed_job_brings_back_its_result_log_and_files(managed):
    job = managed.jobs()["train"]

    assert (job["state"], job["exit_code"], job["result"]) == ("SUCCEEDED", 0, {"lr": 0.5})
    assert Path(job["log"]).read_text() == "training\n"
    assert Path(job["outputs"], "model.txt").read_text() == "weights"


def test_a_managed_job_is_known_by_its_number(managed):
    assert managed.jobs()["train"]["native_id"].isdigit()


def test_the_torchx_command_knows_a_managed_job_by_its_handle(managed):
    handle = managed.jobs()["train"]["handle"]

    told = managed.command("torchx", "status", handle).stdout
    log = managed.command("torchx", "log", handle).stdout

    assert handle.startswith("nemorun_skypilot_jobs://")
    assert "SUCCEEDED" in told
    assert log == "train/0 training\n"
