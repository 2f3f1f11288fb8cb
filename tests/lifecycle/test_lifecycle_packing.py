"""Jobs that run a copy of the code: what travels, where they run, what is refused before anything starts."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from nemorun_discover.errors import UsageError
from nemorun_discover.executors.codec import executor_to_dict
from nemorun_discover.executors.local import LocalExecutor
from nemorun_discover.executors.packagers import GitArchivePackager, PatternPackager
from nemorun_discover.lifecycle.experiment import requests_of
from nemorun_discover.lifecycle.launch import launch
from nemorun_discover.lifecycle.plan import Plan
from nemorun_discover.model.record import Project
from nemorun_discover.model.state import State
from nemorun_discover.model.task import Script

WHERE = """
import os

@nemorun.task
def where():
    files = sorted(set(os.listdir(".")) - {"__pycache__"})
    return {"cwd": os.getcwd(), "files": files, "text": open("data.txt").read()}
"""


@pytest.fixture
def repository(lab):
    subprocess.run(["git", "init", "-q", str(lab.root)], check=True)
    lab.write(WHERE)
    (lab.root / "data.txt").write_text("as it was")
    lab.executor = LocalExecutor(packager=GitArchivePackager(), grace_s=2)
    return lab.root


def plan(lab, *jobs, **executors):
    return Plan(
        title="lab",
        project=Project(root=str(lab.root), name="lab"),
        jobs=jobs,
        executors={name: executor_to_dict(one) for name, one in executors.items()},
    )


def test_a_packaged_job_runs_in_a_checkout_of_its_own(lab, repository):
    result = lab.run(lab.job("where"))["where"].result

    assert result["files"] == ["data.txt", "tasks.py"]
    assert Path(result["cwd"]).is_relative_to(
        lab.home.layout.experiment(lab.launched[0]).code.resolve()
    )


def test_what_is_edited_after_the_launch_is_not_run(lab, repository):
    lab.write("""
        import time, os

        @nemorun.task
        def first():
            while not os.path.exists(os.environ["GO"]):
                time.sleep(0.02)
    """, "first.py")  # fmt: skip
    go = lab.root.parent / "go"
    lab.executor.env_vars = {"GO": str(go)}
    late = lab.job("where", after={"first": ("first@local",)})
    experiment = lab.launch(lab.job("first", file="first.py"), late)

    (repository / "data.txt").write_text("edited")
    go.touch()

    assert lab.finish(experiment).jobs[1].result["text"] == "as it was"


def test_what_a_job_writes_stays_out_of_the_project_and_of_the_store(lab, repository):
    lab.write("""
        @nemorun.task
        def spoil():
            open("data.txt", "w").write("spoilt")
    """, "spoil.py")  # fmt: skip

    lab.run(lab.job("spoil", file="spoil.py"))
    (second,) = lab.run(lab.job("where")).values()

    assert (repository / "data.txt").read_text() == "as it was"
    assert second.result["text"] == "as it was"


def test_the_record_names_the_package(lab, repository):
    experiment = lab.launch(lab.job("where"))

    code = lab.home.read_record(experiment).packages["local"]

    assert (code.files, code.root, code.below) == (2, "", "")
    assert (lab.home.layout.packages / "trees" / f"{code.digest}.json").exists()
    lab.finish(experiment)


def test_executors_with_equal_packagers_share_a_package(lab, repository):
    jobs = [lab.job("where", id=f"where@{name}", slug=name, executor=name) for name in "ab"]
    both = {name: LocalExecutor(packager=GitArchivePackager()) for name in "ab"}

    experiment = launch(lab.home, plan(lab, *jobs, **both), os.environ)

    lab.launched.append(experiment)
    assert {job.state for job in lab.finish(experiment).jobs} == {State.SUCCEEDED}
    assert len(list(lab.home.layout.experiment(experiment).code.iterdir())) == 1


def test_a_script_runs_from_the_checkout(lab, repository):
    (repository / "a b.sh").write_text('cat data.txt; echo " in $(basename "$PWD")"\n')

    status = lab.run(lab.job("s", function=None, script=Script(path="a b.sh")))["s"]

    digest = lab.home.read_record(lab.launched[0]).packages["local"].digest
    assert Path(status.log).read_text() == f"as it was in {digest[:16]}\n"


@pytest.mark.parametrize(
    "fields",
    [{"function": "where", "file": "tasks.py"}, {"function": None, "script": Script(path="run.sh")}],
    ids=["function", "script"],
)  # fmt: skip
def test_a_job_whose_file_is_not_in_the_package_is_refused_before_anything_is_written(lab, fields):
    lab.write(WHERE)
    (lab.root / "run.sh").touch()
    (lab.root / "data.txt").touch()
    packager = PatternPackager(include_pattern="data.txt")
    one = plan(lab, lab.job("where", **fields), local=LocalExecutor(packager=packager))

    with pytest.raises(UsageError, match=r"where@local: \S+ is not in the package of local"):
        launch(lab.home, one, os.environ)

    assert not lab.home.layout.root.exists()


def test_a_dry_run_tells_of_the_package_and_stores_nothing(lab, repository):
    told = []
    one = plan(lab, lab.job("where"), local=lab.executor)

    requests = requests_of(lab.home, one, os.environ, tell=told.append)

    assert told == ["local runs a copy of the code as it is now: 2 files, 0.2 kB"]
    assert "/code/" in requests["where@local"]["cwd"]
    assert not lab.home.layout.root.exists()


def test_the_project_may_lie_below_the_repositorys_root(lab):
    subprocess.run(["git", "init", "-q", str(lab.root.parent)], check=True)
    (lab.root.parent / "other.txt").touch()
    lab.write(WHERE)
    (lab.root / "data.txt").write_text("x")
    lab.executor = LocalExecutor(packager=GitArchivePackager(), grace_s=2)

    result = lab.run(lab.job("where"))["where"].result

    assert Path(result["cwd"]).name == lab.root.name
    assert result["files"] == ["data.txt", "tasks.py"]
