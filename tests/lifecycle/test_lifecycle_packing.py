"""Jobs that run a copy of the code: what travels, where they run, what is refused before anything starts."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from nemorun_discover.errors import ExecutorRefused, UsageError
from nemorun_discover.executors.codec import executor_to_dict
from nemorun_discover.executors.docker import DockerExecutor
from nemorun_discover.executors.local import LocalExecutor
from nemorun_discover.executors.packagers import (
    GitArchivePackager,
    HybridPackager,
    Packager,
    PatternPackager,
)
from nemorun_discover.executors.skypilot import SkypilotExecutor, SkypilotJobsExecutor
from nemorun_discover.executors.slurm import SlurmExecutor
from nemorun_discover.executors.torchx import TorchxExecutor
from nemorun_discover.executors.tunnels import LocalTunnel, SSHTunnel
from nemorun_discover.lifecycle.experiment import requests_of
from nemorun_discover.lifecycle.launch import launch
from nemorun_discover.lifecycle.packing import check_code, pack
from nemorun_discover.lifecycle.plan import Plan
from nemorun_discover.model.check import Verdict
from nemorun_discover.model.record import Project
from nemorun_discover.model.state import State
from nemorun_discover.model.task import Script
from nemorun_discover.schedulers.checking import check_settings
from nemorun_discover.schedulers.slurm.scheduler import SlurmScheduler
from nemorun_discover.schedulers.table import scheduler_of

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
    job = lab.home.layout.experiment(lab.launched[0]).job("where@local")
    assert Path(result["cwd"]) == job.code.resolve()


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


SEEDS = """
    import os, nemorun

    @nemorun.task
    def train(seed: int, writes: bool = True, fails: bool = False):
        found = os.path.exists("checkpoints/best.pt") and open("checkpoints/best.pt").read()
        text, times = open("data.txt").read(), os.path.getmtime("data.txt")
        if writes:
            os.makedirs("checkpoints", exist_ok=True)
            open("checkpoints/best.pt", "a").write(f"seed {seed};")
            open("data.txt", "a").write(f", changed by {seed}")
        if fails and nemorun.current().attempt == 1:
            raise SystemExit(3)
        return {"found": found, "text": text}
"""


def seeds(lab, **per_seed):
    """One job for each, one after the other; what they returned."""
    lab.write(SEEDS, "seeds.py")
    lab.executor.max_parallel = 1
    jobs = [
        lab.job("train", file="seeds.py", id=name, slug=name, params={"seed": number, **fields},
                retries=1 if fields.get("fails") else 0)
        for number, (name, fields) in enumerate(per_seed.items(), 1)
    ]  # fmt: skip
    status = lab.finish(lab.launch(*jobs))
    assert {job.state for job in status.jobs} == {State.SUCCEEDED}
    code = {name: lab.home.layout.experiment(lab.launched[-1]).job(name).code for name in per_seed}
    return {job.id: job.result for job in status.jobs}, code


def test_each_job_writes_into_a_checkout_of_its_own_which_its_next_attempt_finds_again(
    lab, repository
):
    results, code = seeds(lab, one={}, two={"fails": True}, three={"writes": False})

    assert results["one"] == {"found": False, "text": "as it was"}
    assert results["two"] == {"found": "seed 2;", "text": "as it was, changed by 2"}
    assert results["three"] == {"found": False, "text": "as it was"}
    best = {name: code[name] / "checkpoints" / "best.pt" for name in code}
    assert (best["one"].read_text(), best["two"].read_text()) == ("seed 1;", "seed 2;seed 2;")
    again, _ = seeds(lab, four={"writes": False})
    assert again["four"]["text"] == "as it was"


def test_the_next_job_gets_the_checkout_and_what_was_written_stays(lab, repository):
    results, code = seeds(
        lab, one={"writes": False}, two={"writes": False}, three={}, four={"writes": False}
    )

    assert [one["text"] for one in results.values()] == ["as it was"] * 4
    assert [name for name in code if code[name].exists()] == ["three", "four"]
    left = {str(one.relative_to(code["three"])) for one in code["three"].rglob("*")}
    assert left == {"checkpoints", "checkpoints/best.pt", "data.txt"}
    assert (code["three"] / "data.txt").read_text() == "as it was, changed by 3"


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
    assert len(list((lab.home.layout.packages / "trees").iterdir())) == 1


def test_a_script_runs_from_the_checkout(lab, repository):
    (repository / "a b.sh").write_text('cat data.txt; echo " in $(basename "$PWD")"\n')

    status = lab.run(lab.job("s", function=None, script=Script(path="a b.sh")))["s"]

    assert Path(status.log).read_text() == "as it was in code\n"


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


NOT_THERE = 'packager = "none" sends no code, and {} is not where x runs jobs'
FAR, NEAR = SSHTunnel(host="cluster"), LocalTunnel()
TASKS = {
    "function": {"function": "where", "file": "tasks.py"},
    "script": {"function": None, "script": Script(path="run.sh")},
    "command": {"function": None, "script": Script(command=("true",))},
    "inline": {"function": None, "script": Script(inline="true")},
    "installed": {"function": "f", "file": "", "module": "lib"},
}
ALL = set(TASKS)
WITHOUT = {
    "local": (LocalExecutor(), ALL),
    "docker": (DockerExecutor(container_image="x", packager=Packager()), ALL),
    "slurm here": (SlurmExecutor(tunnel=NEAR, packager=Packager()), ALL),
    "slurm far": (SlurmExecutor(tunnel=FAR, packager=Packager()), ALL - {"function", "script"}),
    "skypilot": (SkypilotExecutor(packager=Packager()), ALL - {"function", "script"}),
    "skypilot jobs": (SkypilotJobsExecutor(packager=Packager()), ALL - {"function", "script"}),
    "torchx here": (TorchxExecutor(scheduler="local_cwd"), ALL),
    "torchx image": (TorchxExecutor(scheduler="kubernetes", image="x"), ALL),
}


@pytest.mark.parametrize(("executor", "run"), WITHOUT.values(), ids=WITHOUT)
def test_without_a_package_a_job_whose_files_are_not_where_it_runs_is_refused(lab, executor, run):
    lab.write(WHERE)
    (lab.root / "run.sh").touch()
    root = lab.home.layout.root

    for name, fields in TASKS.items():
        one = plan(lab, lab.job("where", executor="x", **fields), x=executor)
        if name in run:
            assert pack(one, root).codes == {}
        else:
            with pytest.raises(ExecutorRefused) as refused:
                pack(one, root)
            assert NOT_THERE.format(fields.get("file") or "run.sh") in refused.value.message
            assert 'set packager = "git"' in refused.value.hint
    verdict = check_code(executor, lab.root, root).verdict
    assert verdict is (Verdict.OK if run == ALL else Verdict.WARN)


LINKED = {
    "none": (Packager(), ("", "")),
    "git": (GitArchivePackager(), ("", "")),
    "subpath": (GitArchivePackager(subpath="src"), ("", "src")),
    "above": (GitArchivePackager(basepath=".."), ("pro ject's", "")),
    "pattern": (PatternPackager(include_pattern="no/*", relative_path="src"), ("", "src")),
    "hybrid": (HybridPackager(sub_packagers={"code": GitArchivePackager()}), ("code", "")),
}


@pytest.mark.parametrize(("packager", "place"), LINKED.values(), ids=LINKED)
@pytest.mark.parametrize("tunnel", [FAR, NEAR], ids=["far", "here"])
def test_a_directory_stands_in_for_what_each_packager_would_send(
    lab, repository, packager, place, tunnel
):
    (repository / "src").mkdir()
    if getattr(packager, "basepath", ""):
        (repository / ".git").rename(repository.parent / ".git")
    packager.symlink_from_remote_dir = "/there"
    executor = SlurmExecutor(tunnel=tunnel, packager=packager)

    found = pack(plan(lab, lab.job("where", executor="x"), x=executor), lab.home.layout.root)

    code = found.codes["x"]
    assert (code.linked, code.digest, found.listings) == ("/there", "", ())
    assert (code.root, code.below) == place
    assert SlurmScheduler({}).check("x", executor) is None
    assert check_code(executor, repository, lab.home.layout.root).verdict is Verdict.OK


INSIDE = HybridPackager(sub_packagers={"a": GitArchivePackager(symlink_from_remote_dir="/x")})
THERE = GitArchivePackager(symlink_from_remote_dir="/x")
REFUSED = {
    "relative": (SlurmExecutor(packager=Packager(symlink_from_remote_dir="code")), "absolute path"),
    "home": (SlurmExecutor(packager=Packager(symlink_from_remote_dir="~/code")), "absolute path"),
    "slurm inside": (SlurmExecutor(packager=INSIDE), r"sub_packagers\.a\.symlink_from_remote_dir"),
    "local inside": (LocalExecutor(packager=INSIDE), r"sub_packagers\.a\.symlink_from_remote_dir"),
    "none inside": (
        SlurmExecutor(packager=HybridPackager(sub_packagers={"a": Packager()})),
        "takes no file",
    ),
    "local": (LocalExecutor(packager=THERE), "a local job has none"),
    "docker": (DockerExecutor(container_image="x", packager=THERE), "there is none here"),
    "skypilot": (SkypilotExecutor(packager=THERE), "made for the job"),
    "skypilot jobs": (SkypilotJobsExecutor(packager=THERE), "made for the job"),
    "torchx": (TorchxExecutor(scheduler="local_cwd", packager=THERE), "a job of TorchX has none"),
}


@pytest.mark.parametrize(("executor", "words"), REFUSED.values(), ids=REFUSED)
def test_a_directory_that_cannot_stand_in_is_refused_by_run_and_by_doctor(executor, words):
    scheduler = scheduler_of("x", executor.kind, os.environ)

    with pytest.raises(ExecutorRefused, match=words) as refused:
        scheduler.check("x", executor)

    assert refused.value.message.startswith("x: ")
    assert refused.value.hint
    assert check_settings(scheduler, "x", executor).message == refused.value.message


def test_a_dry_run_tells_of_the_package_and_stores_nothing(lab, repository):
    told = []
    one = plan(lab, lab.job("where"), local=lab.executor)

    requests = requests_of(lab.home, one, os.environ, tell=told.append)

    assert told == ["local runs a copy of the code as it is now: 2 files, 0.2 kB"]
    assert requests["where@local"]["cwd"].endswith("/jobs/where@local/code")
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
