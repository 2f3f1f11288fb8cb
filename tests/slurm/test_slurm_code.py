"""Which code a job on a cluster runs, and where: packagers, tunnels, code that is there already, a checkout a job."""

from __future__ import annotations

import json
import os

import pytest

from tests.slurm.login import LoginNode

TASKS = """
    import os
    import nemorun

    @nemorun.task
    def where():
        return {"cwd": os.getcwd(), "word": open("word.txt").read().strip()}

    @nemorun.task
    def train(seed: int, times: int = 1):
        found = os.path.exists("checkpoints/best.pt") and open("checkpoints/best.pt").read()
        os.makedirs("checkpoints", exist_ok=True)
        with open("checkpoints/best.pt", "w") as file:
            file.write(f"seed {seed}")
        if nemorun.current().attempt < times:
            raise SystemExit(3)
        return {"found": found, "word": open("word.txt").read().strip()}
"""
PROJECT = """
    [tasks.file]
    script = "say.sh"

    [tasks.command]
    command = ["bash", "-c", "pwd; ls -A"]
"""


@pytest.fixture
def project(lab):
    lab.write("tasks.py", TASKS)
    lab.write("word.txt", "local")
    lab.write("say.sh", "cat word.txt; pwd")
    return lab


def profile(lab, packager, *, host="a"):
    """The profiles' packager, and tasks that are scripts."""
    cluster = getattr(lab.clusters, host)
    lab.profile(f"slurm_{host}", cluster, f"packager = {packager}\nretries = 1\n")
    lab.configure(PROJECT)


def there(lab, folder, files):
    """Files on the cluster; the folder as the cluster sees it."""
    cluster = lab.clusters.a
    outside = cluster.outside(f"{lab.base}/{folder}")
    outside.mkdir(parents=True)
    for name, text in files.items():
        (outside / name).write_text(text)
    for path in (cluster.outside(lab.base), *outside.parents, outside, *outside.iterdir()):
        if path.is_relative_to(cluster.outside(lab.base)):
            os.chown(path, cluster.user.uid, cluster.user.uid)
    return f"{lab.base}/{folder}"


def job_of(lab, slug):
    """The job's folder on the cluster, as we see it."""
    (experiment,) = lab.clusters.a.outside(f"{lab.base}/experiments").iterdir()
    return experiment / "jobs" / slug


@pytest.mark.parametrize(
    ("packager", "below"),
    [
        ('{{ kind = "none", symlink_from_remote_dir = "{}" }}', ""),
        ('{{ kind = "git", symlink_from_remote_dir = "{}" }}', ""),
        ('{{ kind = "git", basepath = "..", symlink_from_remote_dir = "{}" }}', "pro ject's"),
    ],
    ids=["none", "git", "git below its root"],
)
def test_code_that_is_on_the_cluster_is_what_runs_and_none_is_sent(project, packager, below):
    lab = project
    tasks = (lab.root / "tasks.py").read_text()
    files = {"tasks.py": tasks, "word.txt": "remote", "say.sh": "cat word.txt; pwd"}
    place = there(lab, f"code of mine/{below}".rstrip("/"), files)
    linked = place.removesuffix(f"/{below}") if below else place
    if below:
        subprocess_git(lab)
    profile(lab, packager.format(linked))

    answer = lab("run", "-k", "where or file", "-e", "slurm_a", "--json")

    assert answer.code == 0, answer.err
    assert f"slurm_a runs the code that lies in {linked} on its cluster: none is sent" in answer.err
    jobs = lab.until_over()
    assert jobs["where@slurm_a"]["result"] == {"cwd": place, "word": "remote"}
    assert lab("logs", "file@slurm_a").out == f"remote{place}\n"
    assert list(lab.clusters.a.outside(f"{lab.base}/packages/code").iterdir()) == []
    code = job_of(lab, "where@slurm_a") / "code"
    assert (code.is_symlink(), str(code.readlink())) == (True, linked)
    assert f"what lay in {linked} on the cluster" in lab("show").out
    assert "nobody recorded what it was" in lab("reproduce", "--check").out
    assert lab("doctor", "-e", "slurm_a", "--json").code == 0


def subprocess_git(lab):
    """The repository is the folder around the project."""
    (lab.root / ".git").rename(lab.root.parent / ".git")
    (lab.root.parent / ".gitignore").write_text("/home*\n")


def test_a_directory_that_the_cluster_does_not_have_is_refused_by_run_and_by_doctor(project):
    profile(project, '{ kind = "git", symlink_from_remote_dir = "/nowhere at all" }')

    answer = project("run", "-k", "where", "-e", "slurm_a")
    found = project("doctor", "-e", "slurm_a", "--json")

    assert answer.code == 6
    assert (
        "symlink_from_remote_dir: /nowhere at all is no directory there" in answer.out + answer.err
    )
    linked = {one["name"]: one for one in found.json["executors"]["slurm_a"]}["linked"]
    assert (found.code, linked["verdict"]) == (1, "fail")


def test_without_a_package_a_far_cluster_runs_what_needs_no_file_and_refuses_the_rest(project):
    profile(project, '"none"')

    ran = project("run", "-k", "command", "-e", "slurm_a")
    refused = [project("run", "-k", name, "-e", "slurm_a") for name in ("where", "file")]
    found = project("doctor", "-e", "slurm_a", "--json")

    assert ran.code == 0, ran.out + ran.err
    folder = f"{project.base}/experiments/{project('experiments', '--json').json['experiments'][0]['id']}"
    assert project("logs", "command@slurm_a").out == f"{folder}/jobs/command@slurm_a/code\n"
    assert [one.code for one in refused] == [6, 6]
    assert (
        'where@slurm_a: packager = "none" sends no code, and tasks.py is not where'
        in refused[0].err
    )
    assert "say.sh is not where slurm_a runs jobs" in refused[1].err
    assert all('set packager = "git" to send the project' in one.err for one in refused)
    code = {one["name"]: one for one in found.json["executors"]["slurm_a"]}["code"]
    assert code["message"] == "none is sent: only tasks that need no file of the project run"


def test_on_a_login_node_jobs_without_a_package_run_the_project_s_own_files(project):
    table = '[profiles.{}]\nkind = "slurm"\ntime = "00:05:00"\nmem = "200M"\npackager = {}\n'
    project.profiles["own"] = table.format("own", '"none"')
    linked = f'{{ kind = "none", symlink_from_remote_dir = "{project.base}/project" }}'
    project.profiles["linked"] = table.format("linked", linked)
    packaged = '{ kind = "pattern", include_pattern = "*" }'
    project.profiles["packaged"] = table.format("packaged", packaged)
    project.configure(PROJECT)
    nemorun = LoginNode(project, project.clusters.a)
    executors = ("-e", "own", "-e", "linked", "-e", "packaged")

    done = nemorun("run", "-k", "where or file", *executors)

    assert done.returncode == 0, done.stdout + done.stderr
    jobs = {one["id"]: one for one in json.loads(nemorun("status", "--json").stdout)["jobs"]}
    cwd = {name: one["result"]["cwd"] for name, one in jobs.items() if one["result"]}
    root = f"{project.base}/project"
    assert (cwd["where@own"], cwd["where@linked"]) == (root, root)
    assert cwd["where@packaged"].endswith("/jobs/where@packaged/code")
    assert nemorun("logs", "file@own").stdout == f"local{root}\n"


def test_each_job_of_an_array_writes_into_a_checkout_of_its_own_which_a_retry_finds(project):
    profile(project, '"git"')

    answer = project("run", "-k", "train", "-e", "slurm_a", "seed=1,2,3", "times=2")

    assert answer.code == 0, answer.out + answer.err
    results = {name: one["result"] for name, one in project.jobs().items()}
    assert results == {
        f"train[seed={seed},times=2]@slurm_a": {"found": f"seed {seed}", "word": "local"}
        for seed in (1, 2, 3)
    }
    code = [one / "code" for one in job_of(project, "").iterdir()]
    assert len(code) == 3
    assert len({(one / "word.txt").stat().st_ino for one in code}) == 1
    assert oct((code[0] / "word.txt").stat().st_mode)[-3:] == "444"


def test_a_package_that_was_written_to_and_a_damaged_runtime_are_sent_again(project):
    profile(project, '"git"')
    assert project("run", "-k", "where", "-e", "slurm_a").code == 0
    (package,) = project.clusters.a.outside(f"{project.base}/packages/code").iterdir()

    (package / "word.txt").write_text("spoilt")  # as root, whom permissions do not bind
    (runtime,) = package.parents[1].glob("runtime-*.zip")
    runtime.write_bytes(runtime.read_bytes()[:1000])
    answer = project("run", "-k", "where", "-e", "slurm_a")

    assert answer.code == 0, answer.out + answer.err
    assert project.jobs()["where@slurm_a"]["result"]["word"] == "local"
