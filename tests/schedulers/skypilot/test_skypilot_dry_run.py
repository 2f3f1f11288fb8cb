"""Clouds that cost money: SkyPilot plans our tasks for them, and starts nothing. No job runs in these tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from nemorun_discover.executors.skypilot import SkypilotExecutor
from nemorun_discover.schedulers.skypilot.task import task_of
from tests.schedulers.skypilot.place import Place

pytestmark = pytest.mark.xdist_group("skypilot")

PROGRAM = """
import json, sys
from nemorun_discover.errors import NemorunError
from nemorun_discover.schedulers.skypilot.sdk import Sky
sky = Sky()
try:
    request = sky.launch(json.load(sys.stdin), "dry", dryrun=True)
    print("ANSWER", json.dumps(sky.answer(request, "dry")))
except NemorunError as error:
    print("REFUSED", error.message)
"""


@pytest.fixture(scope="module")
def cloud():
    from tests.services.skypilot.configuration import LAMBDA  # noqa: PLC0415
    from tests.services.skypilot.sandbox import pretending  # noqa: PLC0415

    with pretending("lambda", LAMBDA) as sandbox:
        yield sandbox


def planned(cloud, place: Place, executor: SkypilotExecutor) -> str:
    """What SkyPilot answers to a dry run of a task."""
    workdir = place.root / "workdir"
    workdir.mkdir(exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        input=json.dumps(task_of(place.submission(executor), str(workdir))),
        env={**os.environ, **cloud.env},
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    return done.stdout.strip().splitlines()[-1]


@pytest.mark.parametrize(
    "executor",
    [
        SkypilotExecutor(cloud="lambda", gpus="A10", container_image="registry.example/x:1"),
        SkypilotExecutor(cloud="lambda", region=["us-east-1", "us-west-1"], gpus="A10"),
        SkypilotExecutor(infra="lambda/us-east-1", cpus="4+", memory="16+", nodes=2),
    ],
    ids=["container-and-gpu", "regions", "cpus-and-nodes"],
)
def test_a_task_of_ours_is_planned_and_nothing_runs(cloud, tmp_path, executor):
    assert planned(cloud, Place(tmp_path), executor) == "ANSWER [null, null]"


def test_what_the_cloud_does_not_have_is_refused_in_a_sentence(cloud, tmp_path):
    executor = SkypilotExecutor(cloud="lambda", gpus="A10", use_spot=True)

    answer = planned(cloud, Place(tmp_path), executor)

    assert answer.startswith("REFUSED dry: ")
    assert "spot" in answer.lower()
