"""A new experiment appears in one step, or leaves nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from nemorun_discover.errors import StoreError
from nemorun_discover.store.create import create_experiment
from nemorun_discover.store.home import Home
from nemorun_discover.store.lock import try_lock

FILES = {"f@local": {"job.json": {"id": "f@local"}, "request.json": {"argv": ["x"]}}}


def names(root):
    return sorted(str(one.relative_to(root)) for one in root.rglob("*"))


def descriptors():
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_whole_experiment_is_there(store, make_record):
    record = make_record()

    lock = create_experiment(store, record, FILES)

    os.close(lock)
    assert store.ids() == [record.id]
    assert store.read_record(record.id) == record
    assert names(store.layout.experiment(record.id).root) == [
        "driver.lock",
        "jobs",
        "jobs/f@local",
        "jobs/f@local/job.json",
        "jobs/f@local/outputs",
        "jobs/f@local/request.json",
        "record.json",
    ]
    job = store.layout.experiment(record.id).job("f@local").job
    assert json.loads(job.read_text()) == {"id": "f@local"}


def test_everything_is_its_owners_only(store, make_record):
    os.close(create_experiment(store, make_record(), FILES))

    modes = {oct(one.stat().st_mode & 0o077) for one in store.layout.root.rglob("*")}
    assert modes == {"0o0"}


def test_the_lock_is_held_from_the_first_moment_on(store, make_record):
    record = make_record()

    lock = create_experiment(store, record, {})

    path = store.layout.experiment(record.id).driver_lock
    assert try_lock(path) is None
    os.close(lock)
    os.close(try_lock(path))


def test_an_id_that_is_taken_changes_nothing(store, make_record):
    os.close(create_experiment(store, make_record(), FILES))
    before = {one: one.stat().st_mtime_ns for one in store.layout.root.rglob("*")}
    parent = store.layout.experiments
    open_before = descriptors()

    answer = create_experiment(store, make_record(title="another"), {})

    assert answer is None
    assert store.read_record("20261122-0712-train-x7k2").title == "train"
    assert descriptors() == open_before
    # Only the folder that the draft was made in knows that there was one.
    assert {one: time for one, time in before.items() if one.stat().st_mtime_ns != time}.keys() <= {
        parent
    }
    assert set(store.layout.root.rglob("*")) == set(before)


def test_two_jobs_in_one_folder_are_not_taken_for_an_id_that_is_taken(store, make_record):
    # So it is with "A" and "a" where the file system does not tell them apart.
    files = {"A": {"job.json": {}}, "A/../A": {"job.json": {}}}

    with pytest.raises(StoreError, match="File exists"):
        create_experiment(store, make_record(), files)

    assert names(store.layout.experiments) == []


def test_a_document_that_json_cannot_hold_leaves_nothing(store, make_record):
    with pytest.raises(ValueError, match="Out of range float"):
        create_experiment(store, make_record(), {"f": {"job.json": {"x": float("nan")}}})

    assert names(store.layout.experiments) == []


def test_a_slug_that_no_file_system_takes_leaves_nothing(store, make_record):
    open_before = descriptors()

    with pytest.raises(StoreError, match=r"cannot be written \(File name too long\)"):
        create_experiment(store, make_record(), {"x" * 300: {}})

    assert names(store.layout.experiments) == []
    assert descriptors() == open_before


def test_a_home_that_may_not_be_written_leaves_nothing(store, make_record, permissions_hold):
    store.create()
    store.layout.experiments.chmod(0o500)

    with pytest.raises(StoreError) as raised:
        create_experiment(store, make_record(), FILES)

    assert raised.value.message == f"{store.layout.root}: cannot be written (Permission denied)"
    assert "NEMORUN_HOME" in raised.value.hint
    assert names(store.layout.experiments) == []


def test_a_full_disk_leaves_nothing(disk, fill_up, make_record):
    store = Home(disk / "home")
    store.create()
    fill_up(disk)

    with pytest.raises(StoreError, match="No space left on device"):
        create_experiment(store, make_record(), {"f": {"job.json": {"x": "y" * 10_000}}})

    assert names(store.layout.experiments) == []


def test_runs_in_the_same_millisecond_get_ids_of_their_own(store):
    program = """
import os, secrets, sys
from datetime import UTC, datetime
from pathlib import Path
from nemorun_discover.model.ids import experiment_id
from nemorun_discover.model.record import Project, Record
from nemorun_discover.store.create import create_experiment
from nemorun_discover.store.home import Home
at = datetime(2026, 11, 22, 7, 12, tzinfo=UTC)
sys.stdin.read()
for number in range(20):
    lock = None
    # A short alphabet: the processes do meet.
    while lock is None:
        id_ = experiment_id("t", at, lambda _: secrets.choice("abc"))
        record = Record(id=id_, title=f"{os.getpid()} {number}", created_at=at, argv=(), cwd="/", user="u",
                        host="h", versions={}, project=Project(root="/", name="n"))
        lock = create_experiment(Home(Path(sys.argv[1])), record, {"f": {"job.json": {}}})
    os.close(lock)
"""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(store.layout.root)], stdin=subprocess.PIPE
        )
        for _ in range(3)
    ]

    for process in processes:
        process.stdin.close()
    codes = [process.wait(60) for process in processes]

    assert codes == [0, 0, 0]
    titles = {store.read_record(one).title for one in store.ids()}
    assert len(titles) == 60
    assert all(not one.name.startswith(".") for one in store.layout.experiments.iterdir())


def test_a_home_is_made_on_the_way(tmp_path, make_record):
    store = Home(tmp_path / "a" / "b" / "home")

    os.close(create_experiment(store, make_record(created_at=datetime.now(UTC)), {}))

    assert store.ids() == ["20261122-0712-train-x7k2"]
