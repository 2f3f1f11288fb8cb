"""What upstream jobs leave is found by jobs on other executors: results always, outputs where they are asked for."""

from __future__ import annotations

import json
import re
import shutil
import subprocess

from tests.services.docker.images import PYTHON

PLACES = ("local", "docker", "slurm_a", "slurm_b")
MAKE = '''
    import hashlib, os, pathlib, time, nemorun

    def look(folder):
        """By path, what lies there: a digest, the mode, a link's target."""
        found = {}
        for path in sorted(pathlib.Path(folder).rglob("*")):
            name = str(path.relative_to(folder))
            if path.is_symlink():
                found[name] = os.readlink(path)
            elif path.is_file():
                mode = oct(path.stat().st_mode & 0o777)
                found[name] = [hashlib.sha256(path.read_bytes()).hexdigest(), mode]
            else:
                found[name] = "folder"
        return found

    @nemorun.task
    def make(mb: int = 1):
        out = nemorun.current().output_dir
        (out / "deep" / "empty folder").mkdir(parents=True)
        (out / "big.bin").write_bytes(os.urandom(mb << 20))
        (out / "deep" / "a b'c\\nd").write_text(nemorun.current().executor)
        (out / "none").touch()
        (out / "run.sh").write_text("echo")
        for path in out.rglob("*"):
            if path.is_file():
                path.chmod(0o755 if path.suffix == ".sh" else 0o644)
        (out / "deep" / "link").symlink_to("../big.bin")
        return {"from": nemorun.current().executor, "outputs": look(out)}

    def used():
        one = nemorun.upstream("make")
        return {**one.result, "found": look(one.output_dir), "id": one.job_id}
'''
USE = """
    @nemorun.task(inputs=["make@{place}"])
    def from_{place}():
        return used()
"""


def with_docker(lab, engine) -> None:
    network = "" if engine.has_bridge else 'network = "host"'
    lab.profiles["docker"] = (
        f'[profiles.docker]\nkind = "docker"\ncontainer_image = "{PYTHON}"\n{network}\n'
    )
    lab.configure()


def results(answer) -> dict[str, dict[str, object]]:
    document = json.loads(answer.out.splitlines()[-1])
    assert answer.code == 0, json.dumps(document, indent=1) + answer.err
    return {job["id"]: job["result"] for job in document["jobs"]}


def test_all_pairs_of_places_find_the_same(lab, engine):
    with_docker(lab, engine)
    lab.write("tasks.py", MAKE + "".join(USE.format(place=one) for one in PLACES))
    mb = 100
    chosen = [word for place in PLACES for word in ("-e", place)]

    found = results(lab("run", "--all", *chosen, f"mb={mb}", "--json", timeout=900))

    for place in PLACES:
        made = found[f"make[mb={mb}]@{place}"]
        for other in PLACES:
            assert found[f"from_{place}@{other}"] == {
                **made,
                "found": made["outputs"],
                "id": f"make[mb={mb}]@{place}",
            }
        assert len(made["outputs"]) == 7


TWO = """
    @nemorun.task(inputs=["make"])
    def first():
        return used()

    @nemorun.task(after=["make"])
    def second():
        return {"found": look(nemorun.upstream("make").output_dir)}
"""


def place_on(lab, **executors: str) -> None:
    """Say on which executor each task runs."""
    lab.configure(
        "".join(f'[tasks.{name}]\nexecutors = "{on}"\n' for name, on in executors.items())
    )


def test_a_transfer_goes_on_where_it_broke_off_also_under_another_driver(lab):
    lab.write("tasks.py", MAKE + TWO)
    size = 24 << 20
    with (
        lab.through(lab.clusters.a, "slurm_a") as source,
        lab.through(lab.clusters.b, "slurm_b") as target,
    ):
        place_on(lab, make="slurm_a", first="slurm_b", second="slurm_b")
        down, up = source.passed["down"], target.passed["up"]
        source.limits["down"] = down + size // 2
        experiment = lab.launch("--all", "mb=24")
        lab.wait_for(lambda: source.passed["down"] > down + size // 2)
        broken = lab.wait_for(lambda: lab.contacts(experiment)["slurm_b"]["trouble"])
        source.limits["down"] = None
        lab.wait_for(lambda: target.passed["up"] > up + size // 8)
        target.stall()
        said = lab.wait_for(lambda: lab.contacts(experiment)["slurm_b"]["progress"])
        lab.kill_driver(experiment)
        target.resume()
        jobs = lab.until_over(experiment)
        passed = source.passed["down"] - down, target.passed["up"] - up

    made = jobs["make[mb=24]@slurm_a"]["result"]["outputs"]
    assert [jobs[f"{one}@slurm_b"]["result"]["found"] for one in ("first", "second")] == [made] * 2
    assert f"127.0.0.1:{source.port}: " in broken
    assert re.fullmatch(
        r"sends [\d.]+ MB slurm_a -> slurm_b, once for 2 jobs: [\d.]+ (MB|kB) are t?here", said
    )
    assert max(passed) < size * 1.3
    assert "once for 2 jobs" in lab("status", experiment).err
    (folder,) = lab.folder(lab.clusters.b, experiment).glob("jobs/make*")
    assert sorted(one.name for one in folder.iterdir()) == ["job.json", "outputs", "result.json"]


def test_a_job_that_asks_for_no_outputs_gets_the_result_alone(lab):
    lab.write(
        "tasks.py",
        MAKE
        + """
    @nemorun.task(after=["make"])
    def first():
        return nemorun.upstream("make").result["from"]

    @nemorun.task(after=["make"])
    def second():
        return used()
    """,
    )
    place_on(lab, make="local", first="slurm_a", second="slurm_a")

    answer = lab("run", "--all", "mb=1", "--json")

    jobs = {job["task"]: job for job in json.loads(answer.out.splitlines()[-1])["jobs"]}
    (folder,) = lab.folder(lab.clusters.a, lab.experiments()[0]).glob("jobs/make*")
    assert jobs["first"]["result"] == "local"
    assert jobs["second"]["state"] == "FAILED"
    assert "the outputs of make[mb=1]@local were not brought here" in lab("logs", "second").out
    assert sorted(one.name for one in folder.iterdir()) == ["job.json", "result.json"]
    assert "sent " not in lab("status").err


ONE = """
    @nemorun.task(inputs=["make"])
    def first():
        return used()
"""


def test_two_job_dirs_of_a_cluster_share_the_files_and_the_home_is_asked_for_nothing(lab):
    lab.write("tasks.py", MAKE + ONE)
    with lab.through(lab.clusters.a, "slurm_a") as proxy:
        lab.profile("other", lab.clusters.a, port=proxy.port, job_dir=f"{lab.base}/else where")
        place_on(lab, make="slurm_a", first="other")
        found = results(lab("run", "--all", "mb=4", "--json"))
        passed = proxy.passed["down"] + proxy.passed["up"]

    (made,) = lab.clusters.a.outside(lab.base).glob("experiments/*/jobs/make*/outputs/big.bin")
    (own,) = lab.clusters.a.outside(lab.base).glob("else where/*/*/jobs/make*/outputs/big.bin")
    assert found["first@other"]["found"] == found["make[mb=4]@slurm_a"]["outputs"]
    assert made.stat().st_ino == own.stat().st_ino
    assert not [one for one in made.parents[1].iterdir() if one.name.startswith(".seen")]
    assert passed < 3 << 20


def trouble(lab, experiment):
    """What keeps things from reaching slurm_b; empty for nothing."""
    return lab.contacts(experiment).get("slurm_b", {}).get("trouble") or ""


def test_a_full_disk_and_a_login_that_is_away_are_named_and_waited_for(lone_lab):
    lab, cluster = lone_lab, lone_lab.clusters.b
    place = f"/home/{cluster.user.name}/small-{lab.mark}"
    cluster.faults.small_folder(place, "12m")
    cluster.faults.fill(place)
    lab.write("tasks.py", MAKE + ONE)
    lab.profile("slurm_b", cluster, job_dir=place)
    place_on(lab, make="local", first="slurm_b")
    cluster.faults.stop_sshd()

    experiment = lab.launch("--all", "mb=4")
    away = lab.wait_for(lambda: trouble(lab, experiment))
    cluster.faults.start_sshd()
    full = lab.wait_for(lambda: "No space" in trouble(lab, experiment) and trouble(lab, experiment))
    waits = lab.jobs(experiment)["first@slurm_b"]
    cluster.faults.make_room(place)
    jobs = lab.until_over(experiment)

    assert "nothing listens there" in away
    assert place in full
    assert (waits["state"], waits["reason"]) == ("PLANNED", None)
    assert jobs["first@slurm_b"]["result"]["found"] == jobs["make[mb=4]@local"]["result"]["outputs"]


def test_a_rerun_elsewhere_finds_what_an_earlier_experiment_left_on_a_cluster(lab):
    lab.write("tasks.py", MAKE + ONE.replace("return used()", "raise RuntimeError(used())"))
    place_on(lab, make="slurm_a", first="slurm_a")
    assert lab("run", "--all", "mb=1").code == 1
    (earlier,) = lab.experiments()
    lab.write("tasks.py", MAKE + ONE)

    again = results(lab("rerun", earlier, "--failed", "--fresh-code", "-e", "slurm_b", "--json"))
    (left,) = lab.folder(lab.clusters.a, earlier).glob("jobs/make*/outputs")
    shutil.rmtree(left)
    lost = lab("rerun", earlier, "--failed", "--fresh-code", "-e", "local", "--json")

    made = lab.jobs(earlier)["make[mb=1]@slurm_a"]["result"]
    document = json.loads(lost.out.splitlines()[-1])
    (job,) = document["jobs"]
    assert again["first@slurm_b"]["found"] == made["outputs"]
    assert (lost.code, job["state"], job["reason"]) == (6, "FAILED", "START_FAILED")
    log = lab("logs", document["experiment"]["id"]).out
    assert "gets the outputs of make[mb=1]@slurm_a, which are not there any more (slurm_a)" in log


def test_a_login_that_has_to_ask_is_waited_for_without_a_driver(lab):
    key = lab.home / ".ssh" / "locked"
    plain = lab.clusters.b.key.read_text()
    key.write_text(plain)
    key.chmod(0o600)
    lock = ["ssh-keygen", "-q", "-p", "-P", "", "-N", "a phrase", "-f", str(key)]
    subprocess.run(lock, check=True, stdout=subprocess.DEVNULL)
    lab.write("tasks.py", MAKE + ONE)
    lab.profile("slurm_b", lab.clusters.b, identity=str(key))
    place_on(lab, make="local", first="slurm_b")

    experiment = lab.launch("--all", "mb=1")
    lab.wait_for(lambda: "passphrase" in trouble(lab, experiment))
    lab.wait_for(lambda: not lab.driver(experiment))
    key.write_text(plain)
    jobs = lab.until_over(experiment)

    assert jobs["first@slurm_b"]["result"]["from"] == "local"
