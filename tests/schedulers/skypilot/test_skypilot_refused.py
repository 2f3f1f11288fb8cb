"""What SkyPilot refuses, in a sentence and before anything costs money; asked of its real API server."""

from __future__ import annotations

from pathlib import Path

import pytest

pytestmark = pytest.mark.xdist_group("skypilot")

CONFIG = """
[project]
name = "refused"
[profiles.gpu]
kind = "skypilot"
packager = "none"
infra = "slurm"
gpus = "H10O"
[profiles.image]
kind = "skypilot"
packager = "none"
infra = "slurm"
container_image = "registry.example/x:1"
[profiles.elsewhere]
kind = "skypilot"
packager = "none"
cloud = "aws"
[profiles.many]
kind = "skypilot"
packager = "none"
infra = "slurm"
gpus = "H100"
gpus_per_node = 64
[profiles.managed]
kind = "skypilot_jobs"
packager = "none"
infra = "slurm"
gpus = "H10O"
[tasks.hello]
command = ["echo", "hello"]
"""


@pytest.fixture(scope="module")
def refused(make_desk):
    """One experiment on executors that cannot be had."""
    desk = make_desk()
    desk.write("nemorun.toml", CONFIG)
    desk.told["run"] = desk.nemorun("run", "-k", "hello", "-e", "*", check=False)
    return desk


def sentence(desk, executor: str) -> str:
    return next(
        one["message"]
        for one in desk.events()
        if one["type"] == "note" and one.get("job") == f"hello@{executor}"
    )


def test_a_refused_job_rests_as_planned_and_the_run_exits_with_6(refused):
    jobs = {job["executor"]: job for job in refused.status()["jobs"]}

    assert refused.told["run"].returncode == 6
    assert {
        (job["state"], job["reason"])
        for name, job in jobs.items()
        if name not in ("local", "managed")
    } == {("PLANNED", "REFUSED")}


def test_a_managed_job_that_its_controller_refuses_has_failed_with_its_words(refused):
    job = next(one for one in refused.status()["jobs"] if one["executor"] == "managed")

    assert (job["state"], job["reason"]) == ("FAILED", "START_FAILED")
    assert "SkyPilot could not carry out the task" in Path(job["log"]).read_text()


@pytest.mark.parametrize(
    ("executor", "words"),
    [
        ("gpu", "H10O"),
        ("image", "there are no containers there"),
        ("elsewhere", "SkyPilot may not use that cloud"),
        ("many", "'H100': 64"),
    ],
    ids=["unknown-gpu", "image", "cloud-not-enabled", "too-many-gpus"],
)
def test_the_sentence_says_what_cannot_be_had(refused, executor, words):
    said = sentence(refused, executor)

    assert words in said
    assert "Traceback" not in said
    assert "\n" not in said


def test_the_nearest_types_of_gpu_are_named(refused):
    assert "did you mean H100" in sentence(refused, "gpu")


def test_a_launch_that_was_refused_leaves_no_cluster(refused):
    assert refused.clusters_up("gpu", "image", "elsewhere", "many") == []
