"""What a job in a container comes to when the driver, the engine or its own supervisor ends under it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from nemorun_discover.model.state import Reason, State
from nemorun_discover.schedulers.docker.engine import Door
from nemorun_discover.schedulers.docker.tracked import Tracked
from nemorun_discover.schedulers.docker.watching import Watch
from tests.drivers import drivers_in
from tests.schedulers.docker.lab import Lab, containers_of
from tests.services.docker import images

WAIT = """
    import time
    from pathlib import Path

    @nemorun.task
    def wait():
        folder = nemorun.current().output_dir
        (folder / "began").touch()
        print("before")
        while not (folder / "go").exists():
            time.sleep(0.05)
        print("after")
        return 1
    """


@pytest.fixture
def waiting(lab):
    """A job that runs, and goes on when `go` is touched in its outputs."""
    return begin(lab)


def begin(lab, **fields):
    lab.write(WAIT)
    lab.configure(box={"container_image": images.PYTHON, "grace_s": 2, **fields})
    assert lab.nemorun("run", "-k", "wait", "-e", "box", "--detach").code == 0
    outputs = Path(lab.job()["outputs"])
    lab.until((outputs / "began").exists)
    return outputs


def kill_driver(lab):
    experiment = lab.folder(lab.job()).parents[1]
    home = str(experiment.parents[1])
    (driver,) = drivers_in(home)
    os.kill(driver, signal.SIGKILL)
    lab.until(lambda: not drivers_in(home))


def log_of(lab):
    return (lab.folder(lab.job()) / "attempt-1" / "log").read_text()


def test_a_driver_that_is_killed_is_replaced_and_the_job_goes_on(waiting, lab, engine):
    kill_driver(lab)
    (waiting / "go").touch()

    assert lab.nemorun("wait").code == 0

    assert (lab.job()["state"], lab.job()["attempt"], lab.job()["result"]) == ("SUCCEEDED", 1, 1)
    assert log_of(lab) == "before\nafter\n"
    client = engine.client()
    there = containers_of(client)
    client.close()
    assert lab.job()["native_id"] not in [one.name for one in there]


def test_a_job_that_ends_while_no_driver_looks_is_found_to_have_ended(waiting, lab):
    kill_driver(lab)
    (waiting / "go").touch()
    lab.until((waiting.parent / "attempt-1" / "exit.json").exists)

    assert lab.nemorun("wait").code == 0

    assert lab.job()["state"] == "SUCCEEDED"


def test_a_container_that_somebody_stops_is_a_failure_by_a_signal(waiting, lab, engine):
    client = engine.client()
    client.containers.get(lab.job()["native_id"]).stop(timeout=5)
    client.close()

    lab.nemorun("wait")

    assert (lab.job()["state"], lab.job()["signal"]) == ("FAILED", "SIGTERM")


def test_a_container_that_somebody_removes_is_lost(waiting, lab, engine):
    client = engine.client()
    client.containers.get(lab.job()["native_id"]).remove(force=True)
    client.close()

    lab.nemorun("wait")

    assert (lab.job()["state"], lab.job()["reason"]) == ("FAILED", "LOST")


def test_an_engine_that_is_restarted_leaves_the_job_alone_with_live_restore(own_engine, tmp_path):
    engine = own_engine("--live-restore")
    lab = Lab(tmp_path)
    outputs = begin(lab)

    engine.kill()
    lab.nemorun("status")
    engine.start()
    (outputs / "go").touch()

    assert lab.nemorun("wait").code == 0
    assert (lab.job()["attempt"], log_of(lab)) == (1, "before\nafter\n")


def test_a_job_that_an_engine_took_along_is_tried_again(own_engine, tmp_path):
    engine = own_engine()
    lab = Lab(tmp_path)
    outputs = begin(lab, retries=1)

    engine.stop()
    (outputs / "go").touch()
    engine.start()

    assert lab.nemorun("wait").code == 0
    assert (lab.job()["state"], lab.job()["attempt"]) == ("SUCCEEDED", 2)


def test_a_container_that_a_list_leaves_out_is_inspected_before_it_counts_as_gone(place, engine):
    """Without our label it is in no list that we ask for."""
    one = Tracked(submission=place.submission("a", "true"))
    one.attempt.root.mkdir(parents=True)
    door = Door(dict(os.environ))
    watch = Watch(door, lambda: [one], lambda _: None)
    client = engine.client()
    container = client.containers.run(images.PYTHON, ["sleep", "600"], name=one.name, detach=True)
    try:
        watch.look()
        there = (one.is_gone, one.fact("here"), watch.trouble)
    finally:
        container.remove(force=True)
        client.close()
    watch.look()
    door.close()

    assert there == (False, None, None)
    assert one.is_gone
    fact = one.fact("here")
    assert (fact.state, fact.reason) == (State.FAILED, Reason.LOST)
