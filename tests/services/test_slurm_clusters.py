"""Two real Slurm clusters: what the testbed promises to the tests that use it."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.services.slurm import clusters as slurm
from tests.services.slurm.machine import until

CLUSTERS = pytest.mark.parametrize("name", ["a", "b"], ids=["cluster_a", "cluster_b"])


def ssh(home, *words):
    command = ["ssh", "-F", str(home / ".ssh" / "config"), "-o", "BatchMode=yes", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def ssh_home(clusters, tmp_path):
    clusters.give_ssh(tmp_path)
    return tmp_path


@pytest.fixture
def cluster(clusters):
    return clusters.a


def output(cluster, job_id):
    return cluster.outside(f"slurm-{job_id}.out").read_text()


@CLUSTERS
def test_the_user_gets_in_at_each_login_node_and_finds_a_healthy_slurm(ssh_home, name):
    # Jobs of other tests are in the queue too.
    questions = "hostname; whoami; squeue -h -n of-nobody; python3 -c 'print(1)'"

    answer = ssh(ssh_home, f"cluster_{name}", questions)

    assert answer.stdout.split() == [f"login-{name}", "nemorun-alice", "1"]


def test_ssh_refuses_a_login_node_with_another_key(ssh_home, clusters):
    known = ssh_home / ".ssh" / "known_hosts"
    key_of_b = (clusters.b.site.folder / "ssh" / "hostkey.pub").read_text()
    known.write_text(f"[127.0.0.1]:{clusters.a.port} {key_of_b}")

    answer = ssh(ssh_home, "cluster_a", "true")

    assert answer.returncode == 255
    assert "Host key verification failed" in answer.stderr


@CLUSTERS
def test_a_job_runs_on_several_nodes_with_the_gpus_it_asked_for(clusters, name):
    cluster = getattr(clusters, name)
    script = "echo $CUDA_VISIBLE_DEVICES; ls -d ~; srun -l hostname | sort"

    job = cluster.sbatch(script, "-N2", "--gpus-per-node=2")

    cluster.until_state(job, "COMPLETED")
    nodes = [f"{number}: {name}{number + 1}" for number in range(2)]
    assert output(cluster, job).splitlines() == ["0,1", "/home/nemorun-alice", *nodes]


def test_accounting_answers_on_a_only(clusters):
    job = clusters.a.sbatch("exit 3")
    clusters.a.until_state(job, "FAILED")

    def told() -> str:
        return clusters.a.run("sacct", "-nPX", "-j", job, "-o", "User,Account,ExitCode")

    # slurmdbd hears of an end after squeue says it.
    until(lambda: told() == "nemorun-alice|research|3:0", 30, "sacct does not know the exit code")
    not_there = clusters.b.try_run("sacct", "-nPX")

    assert (not_there.returncode, not_there.stderr) == (1, "Slurm accounting storage is disabled\n")


def test_every_member_of_an_array_has_its_number(cluster):
    job = cluster.sbatch("echo $SLURM_ARRAY_TASK_ID", "--array=0-2%2", "-o", "array-%a.txt")

    for task in range(3):
        cluster.until_state(f"{job}_{task}", "COMPLETED")

    assert [cluster.outside(f"array-{task}.txt").read_text() for task in range(3)] == [
        "0\n",
        "1\n",
        "2\n",
    ]


def test_the_parts_of_a_het_job_have_different_resources(cluster):
    script = """#SBATCH -N1 --gpus-per-node=1
#SBATCH hetjob
#SBATCH -N1 --gpus-per-node=2
srun --het-group=0,1 -l sh -c 'echo $CUDA_VISIBLE_DEVICES | tr , " " | wc -w' | sort"""

    job = cluster.sbatch(script)

    cluster.until_state(f"{job}+0", "COMPLETED\nCOMPLETED")
    assert output(cluster, job) == "0: 1\n1: 2\n"


def test_another_user_can_submit_and_cannot_cancel_what_is_not_his(cluster):
    alice, bob = cluster.site.users
    job = cluster.sbatch("sleep 100", user=alice)

    refused = cluster.try_run("scancel", job, user=bob)

    assert "Access/permission denied" in refused.stderr
    cluster.run("scancel", job, user=alice)
    cluster.until_state(cluster.sbatch("true", user=bob), "COMPLETED")


def test_a_job_that_takes_more_memory_than_it_asked_for_is_ended(cluster):
    job = cluster.sbatch("python3 -c 'bytearray(400 << 20)'", "--mem=100")

    state = cluster.until_state(job, "OUT_OF_MEMORY", "CANCELLED", "FAILED")

    assert state == "OUT_OF_MEMORY" or not cluster.site.memory_limits


def test_a_node_has_a_tmp_of_its_own(cluster):
    cluster.run("srun", "-wa1", "touch", "/tmp/on-a1")

    here = cluster.try_run("srun", "-wa1", "ls", "/tmp/on-a1")
    there = cluster.try_run("srun", "-wa2", "ls", "/tmp/on-a1")
    login = cluster.try_run("ls", "/tmp/on-a1")

    assert [answer.returncode == 0 for answer in (here, there, login)] == [True, False, False]


def srun(cluster, *words, image="busybox"):
    return cluster.try_run("srun", f"--container-image={cluster.image(image)}", *words)


def test_a_container_has_its_mounts_workdir_and_environment(cluster):
    cluster.outside("data").mkdir(exist_ok=True)
    cluster.outside("data/word").write_text("hello\n")
    mounts = "--container-mounts=/home/nemorun-alice/data:/in:ro,tmpfs:/scratch"
    script = "pwd; cat word; . /etc/os-release; echo $ID $FROM_IMAGE; touch /scratch/x; touch here || echo ro"

    answer = srun(cluster, mounts, "--container-workdir=/in", "sh", "-c", script)

    assert answer.stdout.splitlines() == ["/in", "hello", "nemorun-busybox busybox", "ro"]


def test_a_batch_script_can_run_in_the_image_with_python(cluster):
    script = "python3 -c 'import ssl, sqlite3, ctypes; raise SystemExit(7)'"

    job = cluster.sbatch(script, f"--container-image={cluster.image('python')}")

    cluster.until_state(job, "FAILED")
    assert "ExitCode=7:0" in cluster.run("scontrol", "show", "job", job)


def test_variables_that_are_named_win_over_those_of_the_image(cluster):
    script = "echo $FROM_IMAGE"

    plain = cluster.run("env", "FROM_IMAGE=job", "srun", *image_and(cluster), "sh", "-c", script)
    named = cluster.run(
        *("env", "FROM_IMAGE=job", "srun", *image_and(cluster, "--container-env=FROM_IMAGE")),
        *("sh", "-c", script),
    )

    assert (plain, named) == ("busybox", "job")


def image_and(cluster, *more):
    return (f"--container-image={cluster.image('busybox')}", *more)


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (
            ["--container-mounts=/nope:/in"],
            1,
            "pyxis: --container-mounts: source path does not exist: /nope",
        ),
        (["--container-mounts=/tmp:in"], 255, "Invalid --container-mounts argument: /tmp:in"),
        (
            ["--container-workdir=/nope"],
            1,
            "pyxis: couldn't chdir to /nope: No such file or directory",
        ),
        (
            ["--container-image=/no.sqsh"],
            1,
            "failed to create container filesystem for image: /no.sqsh",
        ),
        (["--container-writable", "--container-readonly"], 255, "were specified"),
    ],
    ids=["source", "target", "workdir", "image", "contradiction"],
)
def test_the_container_plugin_refuses_with_the_words_of_pyxis(cluster, options, code, message):
    image = [] if "image" in options[0] else image_and(cluster)

    answer = cluster.try_run("srun", *image, *options, "true")

    assert answer.returncode == code
    assert message in answer.stderr


def test_a_named_container_keeps_what_was_written(cluster):
    named = ["-wa1", "--container-name=kept"]
    srun(cluster, *named, "--container-writable", "sh", "-c", "echo old >/word")

    later = cluster.run("srun", *named, "cat", "/word")
    unnamed = srun(cluster, "-wa1", "--container-writable", "ls", "/word")

    assert later == "old"
    assert unnamed.returncode == 1


def test_a_small_folder_is_full_for_the_nodes_too(clusters_to_break):
    cluster = clusters_to_break.b
    folder = "/home/nemorun-alice/small"

    cluster.faults.small_folder(folder)
    cluster.faults.fill(folder)

    full = cluster.try_run("srun", "cp", "/bin/true", folder)
    cluster.faults.make_room(folder)
    cluster.faults.make_read_only(folder)
    read_only = cluster.try_run("srun", "touch", f"{folder}/x")
    assert "No space left on device" in full.stderr
    assert "Read-only file system" in read_only.stderr


def test_jobs_outlive_slurmctld_and_sshd(clusters_to_break, tmp_path):
    cluster = clusters_to_break.a
    clusters_to_break.give_ssh(tmp_path)
    job = cluster.sbatch("sleep 2; exit 6")
    cluster.until_state(job, "RUNNING")

    cluster.faults.stop_slurmctld()
    cluster.faults.stop_sshd()
    asked = ssh(tmp_path, "cluster_a", "true")
    cluster.faults.start_slurmctld()
    cluster.faults.start_sshd()

    assert "Connection refused" in asked.stderr
    assert ssh(tmp_path, "cluster_a", "true").returncode == 0
    cluster.until_state(job, "FAILED")
    assert "ExitCode=6:0" in cluster.run("scontrol", "show", "job", job)


def test_a_node_that_dies_fails_one_job_and_requeues_another(clusters_to_break):
    cluster = clusters_to_break.b
    once = cluster.sbatch("sleep 300", "-wb1", "--no-requeue")
    again = cluster.sbatch("sleep 300", "--exclude=b2,b3")
    for job in (once, again):
        cluster.until_state(job, "RUNNING")

    cluster.faults.unplug("b1")

    cluster.until_state(once, "NODE_FAIL", seconds=40)
    assert cluster.state_of(again) == "PENDING"
    cluster.faults.start_node("b1")
    cluster.until_state(again, "RUNNING", seconds=20)


def test_a_second_pair_runs_beside_the_first_and_leaves_nothing(clusters):
    base = Path(tempfile.gettempdir(), f"nemorun-slurm-{os.getpid()}")
    job = clusters.a.sbatch("sleep 100")
    try:
        second = slurm.start(base)
        other = second.a.sbatch("sleep 100")
        second.a.until_state(other, "RUNNING")
        clusters.a.until_state(job, "RUNNING")
    finally:
        slurm.stop(base)

    assert clusters.a.state_of(job) == "RUNNING"
    clusters.a.run("scancel", job)
    assert not base.exists()
    assert [pid for pid in processes() if str(base) in command_of(pid)] == []
    assert [*Path("/sys/fs/cgroup").glob(f"*/{second.a.site.tag}*")] == []
    assert str(base) not in Path("/proc/self/mountinfo").read_text()


def processes():
    return [entry for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def command_of(process):
    try:
        return (process / "cmdline").read_text()
    except OSError:
        return ""
