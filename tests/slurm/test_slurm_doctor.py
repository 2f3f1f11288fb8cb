"""`nemorun doctor -e`: what clusters say of themselves, side by side, and how to mend what is wrong."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from nemorun_discover.executors.slurm import SlurmExecutor
from nemorun_discover.model.check import Verdict
from nemorun_discover.schedulers.slurm.findings import (
    clock_finding,
    folder_findings,
    node_findings,
    parse_told,
    slurm_findings,
)
from tests.cli.conftest import Cli
from tests.services.slurm import modern

if TYPE_CHECKING:
    from pathlib import Path

    from tests.services.slurm.clusters import Clusters

CONFIG = """
[profiles.slurm_a]
kind = "slurm"
partition = "batch"
account = "research"
tunnel = { kind = "ssh", host = "cluster_a" }

[profiles.slurm_b]
kind = "slurm"
container_image = "any"
tunnel = { kind = "ssh", host = "cluster_b" }

[profiles.wrong]
kind = "slurm"
partition = "nosuch"
account = "nobody"
tunnel = { kind = "ssh", host = "cluster_a", job_dir = "/proc/nowhere" }

[profiles.old]
kind = "slurm"
python = "/no/such/python"
tunnel = { kind = "ssh", host = "cluster_a", job_dir = "/tmp/of the login" }

[profiles.away]
kind = "slurm"
tunnel = { kind = "ssh", host = "127.0.0.1", port = 9 }
"""
PATIENCE_S = 120


@pytest.fixture
def doctor(tmp_path: Path, home: Path, clusters: Clusters):
    clusters.give_ssh(home)
    (tmp_path / "nemorun.toml").write_text(CONFIG)
    subprocess.run(["git", "init", "-q", tmp_path], check=True)

    def ask(*words: str) -> tuple[int, str]:
        process = Cli(tmp_path).start("doctor", *words)
        out, err = process.communicate(timeout=PATIENCE_S)
        assert b"Traceback" not in err
        return process.returncode, out.decode()

    return ask


def test_two_clusters_are_looked_at_side_by_side(doctor):
    code, out = doctor("-e", "slurm_*")

    assert code == 0
    assert out.splitlines()[0].split() == ["slurm_a", "slurm_b"]
    row = {line.split()[0]: line for line in out.splitlines()[1:]}
    assert row["partition"].count("is up") == 1
    assert "slurmdbd" in row["accounting"]
    assert "none" in row["accounting"]
    assert row["arrays"].count("1001") == 2
    assert "srun knows --container-image" in row["containers"]
    assert "research" in row["account"]
    assert "a1 sees job_dir" in row["shared"] or "a2 sees job_dir" in row["shared"]
    assert row["clock"].count("s from ours") == 2


def test_what_is_wrong_is_said_with_how_to_mend_it(doctor):
    code, out = doctor("-e", "wrong", "-e", "old", "-e", "away", "--json")

    found = {
        name: {one["name"]: one for one in checks}
        for name, checks in json.loads(out)["executors"].items()
    }
    assert code == 1
    assert found["wrong"]["partition"]["message"] == "there is no partition nosuch"
    assert found["wrong"]["partition"]["remedy"] == "there are batch,closed,short"
    assert found["wrong"]["account"]["verdict"] == "warn"
    assert "research" in found["wrong"]["account"]["remedy"]
    assert found["wrong"]["job_dir"]["verdict"] == "fail"
    assert "node" not in found["wrong"]
    assert "/no/such/python" in found["old"]["python"]["message"]
    assert found["old"]["shared"]["verdict"] == "fail"
    assert [*found["away"]] == ["settings", "code", "login"]
    assert "port 9" in found["away"]["login"]["message"]


REFUSED = """
[profiles.gpus]
kind = "slurm"
gpus_per_node = 9
tunnel = { kind = "ssh", host = "cluster_c" }

[profiles.memory]
kind = "slurm"
mem = "900G"
tunnel = { kind = "ssh", host = "cluster_c" }

[profiles.qos]
kind = "slurm"
qos = "nosuch"
tunnel = { kind = "ssh", host = "cluster_c" }

[profiles.reservation]
kind = "slurm"
additional_parameters = { reservation = "nosuch" }
tunnel = { kind = "ssh", host = "cluster_c" }

[profiles.policy]
kind = "slurm"
job_details = { job_name = "not-here" }
tunnel = { kind = "ssh", host = "cluster_c" }

[profiles.fine]
kind = "slurm"
qos = "few"
gpus_per_node = 1
tunnel = { kind = "ssh", host = "cluster_c" }
"""


def test_what_sbatch_would_refuse_is_said_with_its_words_and_the_queue_is_not_blamed(
    doctor, tmp_path, home, cluster_c
):
    modern.give_ssh(cluster_c, home)
    (tmp_path / "nemorun.toml").write_text(REFUSED)
    names = ("gpus", "memory", "qos", "reservation", "policy", "fine")

    code, out = doctor(*(word for name in names for word in ("-e", name)), "--json")

    found = {
        name: {one["name"]: one for one in checks}
        for name, checks in json.loads(out)["executors"].items()
    }
    said = {name: found[name]["sbatch"]["message"].lower() for name in names}
    assert code == 1
    assert "requested node configuration is not available" in said["gpus"]
    assert "gpus_per_node" in found["gpus"]["sbatch"]["remedy"]
    assert "memory" in said["memory"] or "node configuration" in said["memory"]
    assert "invalid qos" in said["qos"]
    assert "reservation" in said["reservation"]
    assert "jobs with this name are not taken here" in said["policy"]
    assert said["fine"] == "takes this profile's jobs"
    assert [name for name in names if "shared" in found[name]] == ["fine"]


def test_no_job_is_run_where_none_is_wanted(doctor):
    code, out = doctor("-e", "slurm_a", "--no-jobs")

    assert code == 0
    assert "shared" not in out


def test_an_executor_that_is_not_there_exits_4(doctor):
    assert doctor("-e", "nosuch")[0] == 4


def test_a_local_executor_is_taken_as_it_is(doctor):
    code, out = doctor("-e", "local")

    assert code == 0
    assert "can be carried out" in out


TOLD = "version slurm 22.05.8\nmax_array 1001\nstorage accounting_storage/none\ndefault batch\n"
CASES = {
    "no sbatch": (SlurmExecutor(), "no-sbatch /bin\n", "slurm", Verdict.FAIL),
    "controller down": (
        SlurmExecutor(),
        "version x\nno-controller it is down\n",
        "controller",
        Verdict.FAIL,
    ),
    "partition down": (
        SlurmExecutor(partition="p"),
        f"{TOLD}partition p DOWN\n",
        "partition",
        Verdict.FAIL,
    ),
    "account enforced": (
        SlurmExecutor(account="x"),
        f"{TOLD}accounts y,z,\nenforce associations,limits\n",
        "account",
        Verdict.FAIL,
    ),
    "no Pyxis": (
        SlurmExecutor(container_image="i"),
        f"{TOLD}container no\n",
        "containers",
        Verdict.FAIL,
    ),
}


@pytest.mark.parametrize(("executor", "text", "name", "verdict"), CASES.values(), ids=CASES)
def test_what_slurm_tells_is_judged(executor, text, name, verdict):
    found = {one.name: one for one in slurm_findings(executor, parse_told(text))}

    assert found[name].verdict is verdict
    assert found[name].remedy


@pytest.mark.parametrize(
    ("version", "verdict"),
    [("3.6.8", Verdict.FAIL), ("3.9.0", Verdict.OK), ("3.11.2", Verdict.OK)],
    ids=["too old", "just enough", "newer"],
)
def test_a_nodes_python_is_judged(version, verdict):
    told = parse_told(f"node n1\npython {version}\nshared yes\n")

    found = {one.name: one for one in node_findings(SlurmExecutor(), told)}

    assert found["python"].verdict is verdict


def test_a_full_queue_is_no_failure():
    told = parse_told("no-job srun: error: Unable to allocate resources\n")

    (found,) = node_findings(SlurmExecutor(), told)

    assert (found.name, found.verdict) == ("node", Verdict.WARN)


def test_a_folder_that_others_see_and_little_room_are_warnings():
    told = parse_told("job_dir /b\nmode 755\nfree_kb 1000\n")

    found = {one.name: one for one in folder_findings(told)}

    assert found["job_dir"].remedy == "chmod 700 /b"
    assert found["space"].verdict is Verdict.WARN


@pytest.mark.parametrize(
    ("clock", "verdict"), [("1005", Verdict.OK), ("900", Verdict.WARN)], ids=["near", "far"]
)
def test_a_clock_that_is_far_off_is_told(clock, verdict):
    (found,) = clock_finding(parse_told(f"clock {clock}\n"), 1000.0)

    assert found.verdict is verdict


@pytest.mark.parametrize("word", ["accounting_storage/none", "(null)", ""])
def test_a_cluster_without_accounting_says_so_in_each_slurms_word(word):
    told = parse_told(f"version slurm 24.11.5\nstorage {word}\nmax_array 0\n")

    found = {one.name: one.message for one in slurm_findings(SlurmExecutor(), told)}

    assert found["accounting"] == "none: jobs leave their own evidence"
    assert found["arrays"].startswith("switched off by the site")
