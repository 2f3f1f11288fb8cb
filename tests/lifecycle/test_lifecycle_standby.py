"""A driver's process that is started ahead: it loads, waits for the word, and ends without a trace when none comes."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from nemorun_discover.errors import StoreError
from nemorun_discover.executors.codec import executor_to_dict
from nemorun_discover.executors.local import LocalExecutor
from nemorun_discover.executors.slurm import SlurmExecutor
from nemorun_discover.executors.tunnels import LocalTunnel, SSHTunnel
from nemorun_discover.lifecycle.launch import driver_ahead
from nemorun_discover.lifecycle.standby import Standby
from nemorun_discover.model.ids import SUFFIX_LENGTH, experiment_id
from nemorun_discover.store.lock import is_held, take_lock

PATIENCE_S = 30
ID = "20261122-0712-lab-abcd"


@pytest.fixture
def layout(lab):
    return lab.home.layout.experiment(ID)


def test_it_ends_without_a_trace_when_nothing_was_launched(lab, layout):
    with driver_ahead(lab.home) as driver:
        driver.load({"local": executor_to_dict(LocalExecutor())})

    assert driver.process.wait(PATIENCE_S) == 0
    assert not layout.root.exists()


def test_it_ends_without_a_trace_when_there_was_not_even_a_plan(lab, layout):
    with driver_ahead(lab.home) as driver:
        assert lab.driver_pid(f"20261122-0712-lab-{driver.name}") == driver.process.pid

    assert driver.process.wait(PATIENCE_S) == 0
    assert not layout.root.exists()


def test_a_process_that_cannot_be_started_is_one_sentence(lab, monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "executable", str(tmp_path / "none"))

    with pytest.raises(StoreError, match="no process can be started that drives the experiment"):
        driver_ahead(lab.home)


def test_a_log_that_cannot_be_written_is_named(lab, tmp_path):
    with pytest.raises(StoreError, match=r"none/log: cannot be written \(No such file"):
        Standby(lab.home, ID, log=tmp_path / "none" / "log")


def test_an_experiment_ends_in_what_its_driver_is_called(lab):
    lab.write("def f():\n    return 1")

    with driver_ahead(lab.home) as driver:
        experiment = lab.launch(lab.job("f"), driver=driver)

    assert experiment.endswith(f"-{driver.name}")
    assert lab.finish(experiment).jobs[0].result == 1
    assert driver.process.wait(PATIENCE_S) == 0


def test_a_name_that_another_experiment_has_is_left_to_it(lab):
    lab.write("def f():\n    return 1")
    with driver_ahead(lab.home) as driver:
        now = datetime.now(UTC)
        for minute in (now, now + timedelta(minutes=1)):
            theirs = experiment_id("lab", minute, lambda _: "x")[:-SUFFIX_LENGTH] + driver.name
            (lab.home.layout.experiment(theirs).root / "something").mkdir(parents=True)

        experiment = lab.launch(lab.job("f"), driver=driver)

    assert not experiment.endswith(driver.name)
    assert lab.finish(experiment).jobs[0].result == 1
    assert driver.process.wait(PATIENCE_S) == 0


def test_it_ends_when_the_process_that_started_it_is_killed(lab):
    script = (
        "import sys, time; from pathlib import Path\n"
        "from nemorun_discover.lifecycle.standby import Standby\n"
        "from nemorun_discover.store.home import Home\n"
        f"Standby(Home(Path(sys.argv[1])), {ID!r}); print(flush=True); time.sleep(60)\n"
    )
    command = [sys.executable, "-c", script, str(lab.home.layout.root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as starter:
        starter.stdout.readline()
        assert lab.driver_pid(ID)

        starter.kill()

    lab.wait_until(lambda: not lab.driver_pid(ID))


def test_a_driver_that_fails_after_the_word_says_so_in_its_log_and_lets_go_of_the_lock(lab, layout):
    with Standby(lab.home, ID) as driver:
        layout.root.mkdir(parents=True)
        driver.begin(ID, take_lock(layout.driver_lock))

        assert driver.process.wait(PATIENCE_S) == StoreError("").exit_code
    assert "record.json" in layout.driver_log.read_text()
    assert not is_held(layout.driver_lock)


@pytest.mark.parametrize(
    ("tunnel", "is_loaded"),
    [(SSHTunnel(host="nowhere"), True), (LocalTunnel(), False)],
    ids=["ssh", "local"],
)
def test_what_reaches_the_executors_is_loaded_before_the_word(lab, tunnel, is_loaded):
    table = executor_to_dict(SlurmExecutor(tunnel=tunnel))
    with Standby(lab.home, ID) as driver:
        driver.load({"cluster": table})
        until_it_waits(driver.process.pid)
        libraries = Path(f"/proc/{driver.process.pid}/maps").read_text()

    assert ("cryptography" in libraries) is is_loaded
    driver.process.wait(PATIENCE_S)


def until_it_waits(pid):
    """Until it sleeps, and not for a moment only."""
    deadline, looks = time.monotonic() + PATIENCE_S, [""]
    while set(looks[-5:]) != {"S"}:
        assert time.monotonic() < deadline
        looks.append(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0])
        time.sleep(0.02)
