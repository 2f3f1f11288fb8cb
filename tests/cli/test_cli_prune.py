"""`nemorun prune`: what no experiment needs any more."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import time
from datetime import UTC, datetime, timedelta

import pytest

from nemorun_discover.lifecycle.prune import prune
from nemorun_discover.model.job import Job
from nemorun_discover.packaging.runtime import build_runtime, runtime_name

OLD = time.time() - 7200
TASKS = """
    import nemorun

    @nemorun.task
    def train():
        return 1
"""
CONFIG = """
    [profiles.packed]
    kind = "local"
    packager = "git"
"""


@pytest.fixture
def repository(project, write):
    (project / ".git").rmdir()
    write("tasks.py", TASKS)
    write("nemorun.toml", CONFIG)
    subprocess.run(["git", "init", "--quiet"], cwd=project, check=True)
    return project


@pytest.fixture
def root(home):
    return home / ".run"


def age(root, at=OLD):
    """Everything in the packages is old: no launch is about to need it."""
    for path in (root / "packages").rglob("*"):
        os.utime(path, (at, at))


def kinds(answer):
    return sorted(one["kind"] for one in answer.json["removed"])


def packed(nemorun):
    nemorun("run", "--all", "-e", "packed", "-q")
    (row,) = nemorun("experiments", "-n", "1", "--json").json["experiments"]
    return row["id"]


def test_an_empty_home_has_nothing_to_delete(nemorun):
    answer = nemorun("prune")

    assert (answer.code, answer.out) == (0, "there is nothing to delete\n")


def test_what_records_need_stays_and_checkouts_of_the_past_go(nemorun, repository, root):
    one = packed(nemorun)
    age(root)

    answer = nemorun("prune", "--json")

    assert kinds(answer) == ["checkout"]
    assert not (root / "experiments" / one / "jobs" / "train@packed" / "code").exists()
    assert nemorun("rerun", "-q").code == 0


WRITES = """
    import os, nemorun

    @nemorun.task
    def train():
        os.makedirs("checkpoints")
        open("checkpoints/best.pt", "w").write("weights")
        open("notes.txt", "a").write(", and what the job adds")
        os.symlink("best.pt", "checkpoints/last.pt")
        os.mkdir("empty")
"""


def test_what_a_job_wrote_beside_its_code_stays_until_its_deletion_is_asked_for(
    nemorun, repository, write, root
):
    write("tasks.py", WRITES)
    write("notes.txt", "tracked")
    write("same.txt", "same")
    one = packed(nemorun)
    code = root / "experiments" / one / "jobs" / "train@packed" / "code"
    wrote = {"checkpoints/best.pt", "checkpoints/last.pt", "notes.txt", "empty"}

    answer = nemorun("prune")
    again = nemorun("prune", "--json")

    left = {str(path.relative_to(code)) for path in code.rglob("*")}
    assert left == {*wrote, "checkpoints"}
    assert (code / "notes.txt").read_text().endswith("and what the job adds")
    assert f"{one} keeps 4 files" in answer.err
    assert "`nemorun prune --written` deletes them" in answer.err
    (kept,) = again.json["kept"]
    assert ({os.path.relpath(path, code) for path in kept["files"]}, kinds(again)) == (wrote, [])
    asked = nemorun("prune", "--written")
    assert (asked.code, code.exists()) == (4, True)
    assert "4 files" in asked.err
    assert nemorun("prune", "--written", "--yes", "--json").json["kept"] == []
    assert not code.exists()


def test_a_checkout_that_an_earlier_nemorun_made_for_all_jobs_keeps_what_they_wrote(
    nemorun, repository, root
):
    one = packed(nemorun)
    experiment = root / "experiments" / one
    digest = next((root / "packages" / "trees").iterdir()).stem
    (experiment / "code").mkdir()
    (experiment / "jobs" / "train@packed" / "code").rename(experiment / "code" / digest[:16])
    (experiment / "code" / digest[:16] / "best.pt").write_text("weights")

    assert kinds(nemorun("prune", "--json")) == ["checkout"]

    assert [path.name for path in (experiment / "code").rglob("*")] == [digest[:16], "best.pt"]
    nemorun("prune", "--written", "--yes")
    assert not (experiment / "code").exists()


def test_a_dry_run_deletes_nothing_and_says_how_much(nemorun, repository, root):
    one = packed(nemorun)
    code = root / "experiments" / one / "jobs" / "train@packed" / "code"

    answer = nemorun("prune", "--dry-run")

    assert answer.lines[1].startswith(f"experiments/{one}/jobs/train@packed/code  checkout  ")
    assert answer.lines[-1].endswith(" would be deleted; nothing was")
    assert code.is_dir()


def test_a_package_that_no_record_names_goes_with_its_contents(nemorun, repository, root):
    shutil.rmtree(root / "experiments" / packed(nemorun))
    age(root)

    answer = nemorun("prune", "--json")

    assert kinds(answer) == ["contents", "package"]
    assert list((root / "packages" / "trees").iterdir()) == []
    assert [one for one in (root / "packages" / "objects").rglob("*") if one.is_file()] == []


def test_a_package_of_the_last_hour_stays_for_the_launch_that_stored_it(nemorun, repository, root):
    shutil.rmtree(root / "experiments" / packed(nemorun))

    assert kinds(nemorun("prune", "--json")) == []


def test_a_rerun_makes_its_package_young_again(nemorun, repository, root):
    packed(nemorun)
    age(root)

    nemorun("rerun", "--dry-run")

    (tree,) = (root / "packages" / "trees").iterdir()
    assert tree.stat().st_mtime > OLD + 3600


def test_runtimes_go_when_they_are_old_and_no_record_needs_them_or_they_are_damaged(
    nemorun, shelf, told, root
):
    shelf.put(told("train@local"), runtime="runtime-0000000000000001.zip")
    names = [f"runtime-000000000000000{digit}.zip" for digit in range(4)] + [runtime_name()]
    for name in names:
        (root / "packages" / name).write_bytes(b"x" * 10)
    (root / "packages" / names[1]).write_bytes(build_runtime())
    age(root)
    os.utime(root / "packages" / names[2])

    answer = nemorun("prune", "--json")

    gone = {one["path"].rpartition("/")[2] for one in answer.json["removed"]}
    assert gone == {names[0], names[3], names[4]}
    assert answer.json["bytes"] == 30
    assert {one.name for one in (root / "packages").glob("runtime-*")} == {*names} - gone


def test_crash_reports_go_after_a_month(nemorun, root):
    (root / "crashes").mkdir(parents=True)
    for name, days in (("old.log", 31), ("new.log", 29)):
        path = root / "crashes" / name
        path.write_text("x")
        os.utime(path, (time.time() - days * 86400,) * 2)

    assert kinds(nemorun("prune", "--json")) == ["crash report"]
    assert [one.name for one in (root / "crashes").iterdir()] == ["new.log"]


def test_what_a_cut_off_launch_left_goes_after_a_day(nemorun, shelf, told, root):
    shelf.put(told("train@local"))
    drafts = [root / "experiments" / f".20261122-071{digit}-train-aaaa.99" for digit in (1, 2)]
    for draft in (*drafts, root / "experiments" / ".mine"):
        draft.mkdir()
    os.utime(drafts[0], (time.time() - 90000,) * 2)
    os.utime(root / "experiments" / ".mine", (time.time() - 90000,) * 2)

    assert kinds(nemorun("prune", "--json")) == ["remains"]
    assert [one.is_dir() for one in drafts] == [False, True]
    assert (root / "experiments" / ".mine").is_dir()


def aged(shelf, told, experiment, days, **fields):
    """An experiment that ended this many days ago, whose end the journal tells."""
    created = datetime.now(UTC) - timedelta(days=days)
    shelf.put(told("train@local", state="SKIPPED"), id=experiment, created_at=created, **fields)
    journal = shelf.home.layout.experiment(experiment).events
    text = journal.read_text().replace("2026-11-22T07:12:03Z", created.isoformat())
    journal.write_text(text)


A, B, C = (f"20261122-071{digit}-train-{end}" for digit, end in enumerate(("aaaa", "bbbb", "cccc")))


def test_whole_experiments_go_when_they_ended_long_ago(nemorun, shelf, told, root):
    aged(shelf, told, A, 40)
    aged(shelf, told, B, 20)

    answer = nemorun("prune", "--older-than", "30d", "--yes", "--json")

    assert kinds(answer) == ["experiment"]
    assert [one.name for one in (root / "experiments").iterdir()] == [B]


def test_without_older_than_no_experiment_goes(nemorun, shelf, told):
    aged(shelf, told, A, 4000)

    assert kinds(nemorun("prune", "--yes", "--json")) == []


def test_an_experiment_whose_results_a_younger_one_uses_stays(nemorun, shelf, told, root):
    aged(shelf, told, A, 50)
    put_user(shelf, told, B, uses=A, days=40)
    put_user(shelf, told, C, uses=B, days=1)

    answer = nemorun("prune", "--older-than", "30d", "--yes", "--json")

    assert kinds(answer) == []
    assert answer.json["notes"] == [
        f"{one} stays: a later experiment uses its results" for one in (B, A)
    ]


def put_user(shelf, told, experiment, *, uses, days):
    job = Job(
        id="train@local",
        slug="train@local",
        task="train",
        file="tasks.py",
        executor="local",
        earlier={"train": (f"{uses}/train@local",)},
    )
    aged(shelf, told, experiment, days, jobs=(job,))


def test_an_experiment_that_runs_stays(nemorun, workshop, root):
    experiment = workshop.launch(long="sleep 30")

    answer = nemorun("prune", "--older-than", "0.001s", "--yes", "--json")

    assert kinds(answer) == []
    assert (root / "experiments" / experiment).is_dir()


def test_an_experiment_that_somebody_carries_on_stays(nemorun, shelf, told, root):
    aged(shelf, told, A, 40)
    with (root / "experiments" / A / "driver.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        answer = nemorun("prune", "--older-than", "30d", "--yes", "--json")

    assert kinds(answer) == []
    assert answer.json["notes"] == [
        f"{root / 'experiments' / A} stays: its experiment is being carried on"
    ]


def test_nobody_to_ask_means_nothing_is_deleted(nemorun, shelf, told, root):
    aged(shelf, told, A, 40)

    answer = nemorun("prune", "--older-than", "30d")

    assert answer.code == 4
    assert "nobody is there to be asked" in answer.err
    assert (root / "experiments" / A).is_dir()


def test_what_is_no_duration_is_refused(nemorun):
    answer = nemorun("prune", "--older-than", "soon")

    assert answer.code == 4
    assert "--older-than: 'soon' is not a duration" in answer.err


def test_a_record_that_cannot_be_read_keeps_all_packages(nemorun, repository, root, shelf, told):
    shutil.rmtree(root / "experiments" / packed(nemorun))
    shelf.put(told("train@local"))
    (record,) = (root / "experiments").glob("*/record.json")
    record.write_text("{")
    age(root)

    answer = nemorun("prune", "--json")

    assert kinds(answer) == []
    assert answer.json["notes"][0].startswith(
        "no package is removed, as one record cannot be read: "
    )


def test_nothing_behind_a_link_is_deleted(nemorun, shelf, told, root, tmp_path):
    aged(shelf, told, A, 40)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("x")
    (root / "experiments" / A / "code").symlink_to(outside)
    (root / "experiments" / A).rename(tmp_path / A)
    (root / "experiments" / A).symlink_to(tmp_path / A)
    (root / "crashes").symlink_to(outside)
    os.utime(outside / "precious", (0, 0))

    answer = nemorun("prune", "--older-than", "30d", "--yes", "--json")

    assert kinds(answer) == []
    assert (outside / "precious").exists()
    assert (tmp_path / A / "record.json").exists()
    assert f"{root / 'crashes'} is a link, and nothing behind it is removed" in answer.json["notes"]


def test_a_link_inside_an_experiment_is_deleted_and_not_followed(
    nemorun, shelf, told, root, tmp_path
):
    aged(shelf, told, A, 40)
    (tmp_path / "precious").write_text("x")
    (root / "experiments" / A / "jobs" / "train@local" / "outputs" / "link").symlink_to(tmp_path)

    answer = nemorun("prune", "--older-than", "30d", "--yes", "--json")

    assert kinds(answer) == ["experiment"]
    assert (tmp_path / "precious").exists()


def test_a_link_to_an_experiment_that_is_gone_goes(nemorun, root, tmp_path):
    (root / "experiments").mkdir(parents=True)
    (root / "experiments" / A).symlink_to(tmp_path / "gone")

    assert kinds(nemorun("prune", "--json")) == ["link"]
    assert not os.path.lexists(root / "experiments" / A)


def test_what_cannot_be_deleted_is_said_and_the_rest_goes(root, shelf, told, permissions_hold):
    aged(shelf, told, A, 40)
    aged(shelf, told, B, 40)
    stubborn = root / "experiments" / A / "jobs" / "train@local" / "outputs" / "stubborn"
    stubborn.mkdir()
    (stubborn / "file").write_text("x")
    stubborn.chmod(0o500)

    found = prune(shelf.home, datetime.now(UTC), timedelta(days=30))

    assert [one.path for one in found.removable] == [root / "experiments" / B]
    assert found.notes == (f"{root / 'experiments' / A} cannot be deleted (Permission denied)",)
    for folder in (root / "experiments").rglob("stubborn"):
        folder.chmod(0o700)


def test_a_launch_at_the_same_moment_loses_nothing(nemorun, repository, root):
    packed(nemorun)
    shutil.rmtree(next((root / "experiments").iterdir()))
    launches = [nemorun.start("run", "--all", "-e", "packed", "-q") for _ in range(2)]

    pruned = [nemorun("prune", "--json") for _ in range(4)]

    for one in launches:
        out, err = one.communicate(timeout=60)
        assert one.returncode == 0, (out, err)
    assert {one.code for one in pruned} == {0}


def test_the_table_fits_a_narrow_terminal(nemorun, repository):
    packed(nemorun)

    answer = nemorun.on_terminal("prune", "--dry-run", "--color=no", columns=50)

    assert max(map(len, answer.lines)) <= 50
    assert answer.lines[-1].endswith("would be deleted; nothing was")
