"""The text of batch scripts, against golden files and against bash itself."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from nemorun_discover.errors import ConfigError
from nemorun_discover.executors.launchers import Torchrun
from nemorun_discover.executors.slurm import SlurmExecutor, SlurmJobDetails
from nemorun_discover.model.job import Condition
from nemorun_discover.schedulers.slurm import library
from nemorun_discover.schedulers.slurm.paths import ClusterPaths
from nemorun_discover.schedulers.slurm.script import batch_script, jobs_text
from nemorun_discover.schedulers.slurm.units import Unit
from tests.schedulers.slurm.place import EXPERIMENT, submission, unit

GOLDEN = Path(__file__).with_name("golden")
PATHS = ClusterPaths(base="/scratch/me/.run", experiment_id=EXPERIMENT)
EVERYTHING = SlurmExecutor(
    account="research",
    partition="gpu,gpu_long",
    qos="high",
    time="1-02:00:00",
    nodes=2,
    ntasks_per_node=8,
    cpus_per_task=6,
    gpus_per_node=8,
    mem="0",
    comment="baseline, take 2",
    constraint="a100&nvlink",
    exclude="node[01-03]",
    signal="B:USR1@120",
    exclusive=True,
    open_mode="append",
    requeue=False,
    segment=2,
    network="sharp",
    container_image="nvcr.io#nvidia/pytorch:24.01-py3",
    container_mounts=["/data:/data:ro", "/$nemo_run/cache:/cache"],
    container_env=["LD_LIBRARY_PATH"],
    env_vars={"HF_HOME": "/data/hf"},
    secrets=["WANDB_API_KEY"],
    additional_parameters={
        "mail_type": "END",
        "overcommit": True,
        "reboot": False,
        "x": ["1", "2"],
    },
    srun_args=["--mpi=pmix", "--cpu-bind=none"],
    setup_lines="module load cuda\nulimit -c 0",
    memory_measure=True,
)


def everything():
    return unit(submission("train", EVERYTHING, waits_for={"prepare@slurm_a": Condition.OK}))


def array():
    executor = SlurmExecutor(partition="cpu", max_parallel=4, stderr_to_stdout=False)
    return unit(*(submission(f"train[lr={lr}]", executor, timeout_s=90) for lr in (0.1, 0.2, 0.3)))


def torchrun():
    executor = SlurmExecutor(
        nodes=2, ntasks_per_node=4, gpus_per_task=1, cpus_per_task=3, launcher=Torchrun()
    )
    return unit(submission("train", executor, function=True))


def group():
    server = SlurmExecutor(gpus_per_node=2, wait_time_for_group_job=5, setup_lines="export A=1")
    client = SlurmExecutor(nodes=2, container_image="/images/client.sqsh")
    return unit(
        submission("server", server, group="pair"),
        submission("client", client, group="pair", called="slurm_client"),
    )


def heterogeneous():
    server = SlurmExecutor(account="a", heterogeneous=True, gpus_per_node=8, time="60")
    client = SlurmExecutor(account="b", partition="cpu", heterogeneous=True, ntasks_per_node=2)
    return unit(
        submission("server", server, group="pair"),
        submission("client", client, group="pair", called="slurm_client"),
    )


CASES = {
    "plain": (lambda: unit(submission()), {}),
    "everything": (everything, {"dependency": "afterok:41"}),
    "array": (array, {}),
    "torchrun": (torchrun, {}),
    "group": (group, {"policy": "any_failed"}),
    "heterogeneous": (heterogeneous, {"policy": "first_done"}),
}
ALL = pytest.mark.parametrize("name", CASES)


def script_of(name: str) -> str:
    make, keywords = CASES[name]
    return batch_script(make(), PATHS, **keywords)


@ALL
def test_a_script_reads_as_the_golden_file_has_it(name):
    text = re.sub(r"(runtime|batch)-[0-9a-f]{16,32}", r"\1-HASH", script_of(name))
    golden = GOLDEN / f"{name}.sh"
    if os.environ.get("WRITE_GOLDEN"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(text)

    assert text == golden.read_text()


@ALL
def test_a_script_is_bash(name, tmp_path):
    file = tmp_path / "script.sh"
    file.write_text(script_of(name))

    subprocess.run(["bash", "-n", file], check=True)


def test_the_library_is_bash_without_a_complaint(tmp_path):
    file = tmp_path / library.library_name()
    file.write_bytes(library.library_text())

    subprocess.run(["bash", "-n", file], check=True)
    if shutil.which("shellcheck"):
        subprocess.run(["shellcheck", "--shell=bash", file], check=True)


def test_nothing_of_the_users_means_anything_to_the_shell(tmp_path):
    hostile = "x; touch pwn; $(touch pwn) `touch pwn` ' \" \\"
    executor = SlurmExecutor(
        container_image=hostile,
        container_mounts=[f"{hostile}:/$nemo_run/{hostile}"],
        container_env=[hostile],
        srun_args=[hostile],
        python=hostile,
        job_details=SlurmJobDetails(folder=hostile, job_name=hostile),
        memory_measure=True,
    )
    paths = ClusterPaths(base=f"/{hostile}", experiment_id=EXPERIMENT)
    text = batch_script(unit(submission("train", executor)), paths)
    start = text.rindex("nemorun_start ")
    stub = (
        'NEMORUN_JOB_DIR=/job; NEMORUN_ATTEMPT=1\nnemorun_start() { shift; printf "%s\\0" "$@"; }\n'
    )
    words = text[start:].rpartition("nemorun_end")[0]

    told = subprocess.run(
        ["bash", "-c", stub + words], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout.split("\0")

    assert f"--container-image={hostile}" in told
    assert f"--container-mounts={paths.base}:{paths.base},{hostile}:/job/{hostile}" in told
    assert hostile in told
    whole = ["bash", "-c", text.replace("source ", ": ")]
    subprocess.run(whole, cwd=tmp_path, capture_output=True, check=False)
    assert list(tmp_path.iterdir()) == []


def test_a_name_with_a_line_break_cannot_leave_the_titles_comment():
    one = submission("train", task="train\n#SBATCH --account=evil")
    text = batch_script(Unit(name="x", form="job", submissions=(one,)), PATHS)

    assert [line for line in text.splitlines() if "evil" in line] == []


def test_without_settings_only_what_is_needed_is_asked_for():
    lines = [one for one in script_of("plain").splitlines() if one.startswith("#SBATCH")]

    assert [one.partition("=")[0] for one in lines] == [
        f"#SBATCH --{name}"
        for name in (
            "job-name", "comment", "nodes", "ntasks-per-node", "output", "open-mode", "chdir",
        )
    ]  # fmt: skip


def test_the_jobs_of_an_array_stand_beside_it_in_order():
    assert jobs_text(array()).splitlines() == [
        "train-lr=0.1@slurm_a", "train-lr=0.2@slurm_a", "train-lr=0.3@slurm_a",
    ]  # fmt: skip


def test_secrets_are_not_in_the_script():
    one = submission("train", EVERYTHING, environment={"WANDB_API_KEY": "s3cr3t"})

    assert "s3cr3t" not in batch_script(unit(one), PATHS)


def test_indices_of_components_must_fit_the_group():
    executor = SlurmExecutor(heterogeneous=True, het_group_indices=[0, 2])
    members = [submission(name, executor, group="pair") for name in ("one", "other")]

    with pytest.raises(ConfigError, match=r"het_group_indices = \[0, 2\] for a group of 2"):
        batch_script(unit(*members), PATHS)
