"""Following an experiment, and starting its driver again."""

from __future__ import annotations

import os
import subprocess
from itertools import pairwise

import pytest

from nemorun_discover.errors import NemorunError, StoreError
from nemorun_discover.lifecycle.carry_on import carry_on
from nemorun_discover.lifecycle.standby import Standby
from nemorun_discover.lifecycle.watch import watch
from nemorun_discover.model.event import EventType, utc_now
from nemorun_discover.model.job import Job
from nemorun_discover.model.record import Project, Record
from nemorun_discover.model.state import State
from nemorun_discover.store.create import create_experiment
from nemorun_discover.store.journal import read_events
from nemorun_discover.store.lock import try_lock

ID = "20261122-0712-f-x7k2"
WAITING = """
    import os, time
    def f():
        open("starts", "a").write("x")
        while not os.path.exists("go"):
            time.sleep(0.02)
"""


def written_down(lab, *jobs):
    """An experiment whose driver died before it did anything; the lock, held."""
    record = Record(
        id=ID,
        title="f",
        created_at=utc_now(),
        argv=(),
        cwd="/",
        user="me",
        host="here",
        versions={},
        project=Project(root=str(lab.root), name="lab"),
        executors={"local": {"kind": "local"}},
        jobs=jobs,
    )
    return create_experiment(lab.home, record, {job.slug: {} for job in jobs})


def test_every_change_is_seen_until_all_is_over(lab):
    lab.write("def f():\n    return 1")
    experiment = lab.launch(lab.job("f"), lab.job("g", function="f", after={"f": ("f@local",)}))

    seen = list(watch(lab.home, experiment))

    assert [job.state for job in seen[-1].jobs] == [State.SUCCEEDED] * 2
    assert not any(all(job.state.is_final for job in one.jobs) for one in seen[:-1])
    assert all(earlier.as_of <= later.as_of for earlier, later in pairwise(seen))


def test_an_experiment_that_is_over_is_shown_once(lab):
    lab.write("def f(): pass")
    experiment = lab.launch(lab.job("f"))
    lab.finish(experiment)

    assert len(list(watch(lab.home, experiment))) == 1


def test_a_watcher_replaces_a_driver_that_dies(lab):
    lab.write(WAITING)
    experiment = lab.launch(lab.job("f"))
    lab.wait_until((lab.root / "starts").exists)
    lab.kill_driver(experiment)
    (lab.root / "go").touch()

    last = list(watch(lab.home, experiment))[-1]

    assert last.jobs[0].state is State.SUCCEEDED
    assert last.notes == ("a new driver has taken over",)


def test_an_experiment_that_is_not_there_cannot_be_watched(lab):
    with pytest.raises(StoreError, match=r"record.json: cannot be read"):
        next(watch(lab.home, "20261122-0712-gone-aaaa"))


def test_nobody_carries_on_what_is_over(lab):
    lab.write("def f(): pass")
    experiment = lab.launch(lab.job("f"))
    lab.finish(experiment)
    lab.wait_until(lambda: not lab.driver_pid(experiment))

    assert not carry_on(lab.home, experiment)
    assert not lab.driver_pid(experiment)


def test_nobody_carries_on_what_a_driver_carries_on(lab):
    os.close(written_down(lab, Job(id="f@local", slug="f", task="f", file="t", executor="local")))
    lock = try_lock(lab.home.layout.experiment(ID).driver_lock)

    revived = carry_on(lab.home, ID)

    os.close(lock)
    assert not revived
    assert not lab.home.layout.experiment(ID).driver_log.exists()


def test_a_launch_that_died_before_its_driver_is_carried_on_without_delay(lab):
    lab.write(WAITING)
    experiment = lab.launch(lab.job("f"))
    lab.wait_until((lab.root / "starts").exists)
    lab.kill_driver(experiment)
    layout = lab.home.layout.experiment(experiment)
    layout.events.unlink()  # as if nothing had been written yet

    revived = carry_on(lab.home, experiment)
    events, _ = read_events(layout.events)
    (lab.root / "go").touch()

    assert revived
    assert events != []
    assert not any(one.type is EventType.NOTE for one in events)
    assert lab.finish(experiment).jobs[0].state is State.SUCCEEDED
    assert (lab.root / "starts").read_text() == "x"


def test_a_driver_of_a_broken_installation_is_told_from_its_log(lab, monkeypatch, tmp_path):
    broken = tmp_path / "broken" / "nemorun_discover"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("raise ImportError('half an upgrade')\n")
    os.close(written_down(lab, Job(id="f@local", slug="f", task="f", file="t", executor="local")))
    monkeypatch.setenv("PYTHONPATH", str(broken.parent))

    with pytest.raises(NemorunError) as raised:
        carry_on(lab.home, ID)

    log = lab.home.layout.experiment(ID).driver_log
    assert raised.value.message == (f"the driver of {ID} has failed: ImportError: half an upgrade")
    assert raised.value.hint == f"its log: {log}"


def test_secrets_reach_the_driver_over_its_input_only(lab):
    lab.write("import os\ndef f():\n    return os.environ['WANDB_API_KEY'] == 'sesame' * 20000")
    job = lab.job("f")
    secret = "sesame" * 20_000  # more than a pipe holds
    executor = {"kind": "local", "env_vars": {"WANDB_API_KEY": {"$secret": "WANDB_API_KEY"}}}

    jobs = lab.run(job, executors={"local": executor}, secrets={"local": {"WANDB_API_KEY": secret}})

    assert jobs["f"].result is True
    listing = subprocess.run(
        ["ps", "-eo", "args", "-ww"], capture_output=True, text=True, check=True
    ).stdout
    assert "sesame" not in listing


def test_a_driver_that_dies_before_it_reads_its_secrets_harms_nobody(lab, monkeypatch, tmp_path):
    broken = tmp_path / "broken" / "nemorun_discover"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("raise SystemExit(1)\n")
    lock = written_down(lab, Job(id="f@local", slug="f", task="f", file="t", executor="local"))
    monkeypatch.setenv("PYTHONPATH", str(broken.parent))

    with Standby(lab.home, ID) as driver:
        driver.load({"local": {"env_vars": {"A": "x" * 1_000_000}}})
        driver.begin(ID, lock, {"local": {"A": "x" * 1_000_000}})

    assert driver.process.wait(30) == 1
    os.close(try_lock(lab.home.layout.experiment(ID).driver_lock))


def test_a_random_py_of_the_working_directory_is_not_the_drivers(lab, monkeypatch):
    for name in ("random.py", "secrets.py", "json.py"):
        (lab.root / name).write_text("raise RuntimeError('the wrong module')\n")
    monkeypatch.chdir(lab.root)
    lab.write("def f():\n    return 1")

    jobs = lab.run(lab.job("f"))

    assert jobs["f"].result == 1


def test_a_job_inherits_none_of_the_drivers_files(lab):
    lab.write(
        """
        import os
        def f():
            links = [os.path.join("/proc/self/fd", one) for one in os.listdir("/proc/self/fd")]
            return [os.readlink(one) for one in links if os.path.exists(one)]
        """
    )

    jobs = lab.run(lab.job("f"))

    home = str(lab.home.layout.root)
    assert {one for one in jobs["f"].result if one.startswith(home)} == {jobs["f"].log}
