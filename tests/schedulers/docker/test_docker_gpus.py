"""Containers and processes share the machine's GPUs, also when the driver of a container was killed."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing

import pytest

from nemorun_discover.executors.local import LocalExecutor
from nemorun_discover.model.state import State
from nemorun_discover.schedulers.docker.evidence import note_container
from nemorun_discover.schedulers.docker.names import container_name, labels_of
from nemorun_discover.schedulers.local.scheduler import LocalScheduler
from nemorun_discover.schedulers.local.slots import Holder, MachineGpus
from nemorun_discover.testing.job_place import JobPlace
from nemorun_discover.testing.place import WAIT, until, until_final
from tests.schedulers.docker.conftest import DockerPlace
from tests.services.docker import images

# The driver of a container that has GPU 0, killed.
DRIVER = """
import os, sys
from nemorun_discover.schedulers.local.slots import Holder, MachineGpus
holder = Holder(*(), **dict(zip(Holder.__slots__, sys.argv[1:])))
assert MachineGpus(os.environ).take(["0"], 1, lambda _: holder)
os.kill(os.getpid(), 9)
"""


@pytest.fixture
def local(tmp_path):
    (tmp_path / "local").mkdir()
    executor = LocalExecutor(max_parallel=9, gpus=["0"], gpus_per_task=1)
    with JobPlace(tmp_path / "local", executor, LocalScheduler) as place:
        yield place


@pytest.fixture
def boxes(tmp_path, engine):
    (tmp_path / "boxes").mkdir()
    with DockerPlace(tmp_path / "boxes", num_gpus=1, gpus=["0"]) as place:
        yield place


def test_a_container_keeps_its_gpu_while_no_driver_lives(boxes, local, engine):
    """The tests' engine has no GPUs to give, so the container is made by hand, as ours are named and labelled."""
    boxed = boxes.submission("boxed", "true")
    holder = Holder.of(boxed, boxed.job.id, os.environ.get("DOCKER_HOST", ""))
    told = [getattr(holder, name) for name in Holder.__slots__]
    assert subprocess.run([sys.executable, "-c", DRIVER, *told], check=False).returncode == -9
    wanting, scheduler = local.submission("wanting", "true"), local.scheduler()
    with closing(engine.client()) as client:
        container = client.containers.run(
            images.PYTHON,
            ["sleep", "600"],
            name=container_name(boxed),
            labels=labels_of(boxed),
            detach=True,
        )
        try:
            assert not scheduler.can_start([wanting])
            words = f"1 GPU held by {boxed.experiment_id} {boxed.job.id}"
            assert scheduler.contacts()["lab"].waiting == {wanting.job.id: words}
            assert not boxes.scheduler().can_start([boxes.submission("another", "true")])

            paths = boxed.paths.attempt(1)
            paths.root.mkdir()
            paths.log.touch()
            note_container(paths, name=container.name, way="worker", gpus=["0"])
            after = boxes.scheduler()
            assert after.adopt(boxed)  # the next driver takes the lock again
            nobody = MachineGpus(os.environ, still_runs=lambda _: pytest.fail("it is locked"))
            assert nobody.take(["0"], 1, lambda _: holder) == [holder]
        finally:
            container.remove(force=True)
        until(lambda: after.query([boxed]).get(boxed.job.id, None) is not None)
        assert until_final(after, boxed).state is State.FAILED  # it is lost
        after.contacts()  # the end of a driver's step

    until(lambda: scheduler.can_start([wanting]))
    scheduler.submit(wanting)
    assert until_final(scheduler, wanting).state is State.SUCCEEDED


def test_a_container_waits_for_the_gpu_of_a_process_and_of_another_container(boxes, local):
    running, scheduler = local.submission("running", WAIT), local.scheduler()
    scheduler.submit(running)
    wanting, engine_side = boxes.submission("wanting", "true"), boxes.scheduler()

    assert not engine_side.can_start([wanting])
    assert engine_side.submit(wanting) is None  # a second try, for which no room is asked
    assert engine_side.query([wanting])[wanting.job.id].state is State.PENDING

    (local.folder / "go").touch()
    until_final(scheduler, running)
    scheduler.contacts()
    fact = until_final_or_planned(engine_side, wanting)

    # It has begun: the tests' engine refuses what it has no GPU for.
    assert "the engine cannot give GPUs to containers" in fact.message
    engine_side.contacts()
    assert local.scheduler().can_start([local.submission("next", "true")])


def until_final_or_planned(scheduler, submission):
    facts = {}

    def is_so():
        facts.update(scheduler.query([submission]))
        fact = facts.get(submission.job.id)
        return fact is not None and fact.state is State.PLANNED

    until(is_so)
    return facts[submission.job.id]
