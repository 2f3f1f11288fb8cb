"""The table of kinds, and what each kind's settings promise."""

from __future__ import annotations

import inspect
import subprocess
import sys
from dataclasses import fields

import pytest

from nemorun_discover.errors import ConfigError, UsageError
from nemorun_discover.executors.codec import launcher_of
from nemorun_discover.executors.docker import DockerExecutor
from nemorun_discover.executors.kinds import FAMILIES, class_of, kind_of_class_name
from nemorun_discover.executors.launchers import Torchrun
from nemorun_discover.executors.local import LocalExecutor
from nemorun_discover.executors.packagers import GitArchivePackager, Packager
from nemorun_discover.executors.skypilot import SkypilotExecutor, SkypilotJobsExecutor
from nemorun_discover.executors.slurm import SlurmExecutor
from nemorun_discover.executors.tunnels import SSHTunnel

EVERY_KIND = [(family, kind) for family, kinds in FAMILIES.items() for kind in kinds]

# The names of NeMo-Run that its users' code and configuration hold.
NEMO_RUN_FIELDS = {
    "local": "packager launcher env_vars retries ntasks_per_node nodes",
    "docker": "packager launcher env_vars retries container_image ntasks_per_node runtime num_gpus shm_size"
    " ulimits ipc_mode healthcheck privileged network additional_kwargs volumes",
    "slurm": "packager launcher env_vars retries account partition job_name_prefix time nodes ntasks_per_node"
    " cpus_per_task cpus_per_gpu gpus_per_node gpus_per_task qos mem mem_per_gpu mem_per_cpu comment"
    " constraint exclude gres signal exclusive array open_mode container_image container_mounts"
    " container_env additional_parameters srun_args heterogeneous memory_measure job_details tunnel"
    " dependency_type torchrun_nproc_per_node wait_time_for_group_job monitor_group_job"
    " monitor_group_job_wait_time setup_lines het_group_indices segment network"
    " poll_estimated_start_time stderr_to_stdout",
    "skypilot": "packager launcher env_vars retries container_image cloud region zone infra gpus gpus_per_node"
    " cpus memory instance_type use_spot disk_size disk_tier ports file_mounts storage_mounts"
    " cluster_name setup autodown idle_minutes_to_autostop torchrun_nproc_per_node"
    " cluster_config_overrides network_tier retry_until_up",
}


@pytest.mark.parametrize(("family", "kind"), EVERY_KIND, ids=[f"{f}-{k}" for f, k in EVERY_KIND])
def test_a_kinds_class_knows_its_own_name(family, kind):
    assert class_of(family, kind).kind == kind


@pytest.mark.parametrize(("family", "kind"), EVERY_KIND, ids=[f"{f}-{k}" for f, k in EVERY_KIND])
def test_every_field_is_described_in_its_class_or_a_base(family, kind):
    cls = class_of(family, kind)
    text = "\n".join(base.__doc__ or "" for base in inspect.getmro(cls)[:-1])

    missing = [item.name for item in fields(cls) if f"    {item.name}: " not in text]

    assert missing == []


@pytest.mark.parametrize("kind", NEMO_RUN_FIELDS, ids=str)
def test_an_executor_has_every_field_that_nemo_run_has(kind):
    ours = {item.name for item in fields(class_of("executor", kind))}

    assert set(NEMO_RUN_FIELDS[kind].split()) - ours == set()


def test_an_unknown_kind_is_refused_with_the_known_ones():
    with pytest.raises(ConfigError, match="unknown kind of tunnel 'telnet'") as caught:
        class_of("tunnel", "telnet")

    assert caught.value.hint == "the kinds are local, ssh"


def test_the_local_executor_does_not_import_the_others():
    code = (
        "import sys; from nemorun_discover.executors.codec import executor_from_dict;"
        " executor_from_dict({'kind': 'local'});"
        " sys.exit(any(m.startswith('nemorun_discover.executors.') and m.rpartition('.')[2] in"
        " ('slurm', 'docker', 'skypilot', 'tunnels') for m in sys.modules))"
    )

    done = subprocess.run([sys.executable, "-c", code], check=False)

    assert done.returncode == 0


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("SlurmExecutor", "slurm"),
        ("run.LocalExecutor", "local"),
        ('"SkypilotJobsExecutor"', "skypilot_jobs"),
        ("Executor", None),
        ("", None),
    ],
    ids=["bare", "dotted", "quoted", "base", "none"],
)
def test_a_return_annotation_tells_the_kind(name, kind):
    assert kind_of_class_name(name) == kind


def test_a_misspelt_field_cannot_be_set_by_accident():
    executor = LocalExecutor()

    with pytest.raises(AttributeError, match="max_paralel"):
        executor.max_paralel = 2  # type: ignore[attr-defined]


def test_a_clone_shares_nothing_with_its_original():
    original = SlurmExecutor(env_vars={"A": "1"}, launcher=Torchrun())

    copy = original.clone()
    copy.env_vars["A"] = "2"
    copy.tunnel.job_dir = "/elsewhere"
    copy.launcher.rdzv_port = 1

    assert original == SlurmExecutor(env_vars={"A": "1"}, launcher=Torchrun())


def test_remote_executors_package_the_tree_and_local_ones_do_not():
    packagers = [type(SlurmExecutor().packager), type(LocalExecutor().packager)]

    assert packagers == [GitArchivePackager, Packager]


def test_num_nodes_is_another_name_of_nodes():
    assert SkypilotExecutor(num_nodes=4).nodes == 4
    assert SkypilotJobsExecutor(nodes=3).nodes == 3


def test_nodes_and_num_nodes_that_contradict_each_other_are_refused():
    with pytest.raises(UsageError, match="nodes=2 and num_nodes=4"):
        SkypilotExecutor(nodes=2, num_nodes=4)


@pytest.mark.parametrize(
    ("launcher", "expected"),
    [(None, None), ("default", None), ("torchrun", Torchrun()), (Torchrun(rdzv_port=1),) * 2],
    ids=["none", "default", "by-name", "settings"],
)
def test_a_launcher_named_by_a_word_becomes_its_settings(launcher, expected):
    assert launcher_of(LocalExecutor(launcher=launcher)) == expected


def test_an_unknown_launcher_is_refused():
    with pytest.raises(ConfigError, match="unknown kind of launcher 'mpirun'"):
        launcher_of(LocalExecutor(launcher="mpirun"))


def test_the_examples_of_nemo_runs_guide_construct():
    docker = DockerExecutor(
        container_image="python:3.12",
        num_gpus=-1,
        runtime="nvidia",
        ipc_mode="host",
        shm_size="30g",
        volumes=["/local/path:/path/in/container"],
        env_vars={"PYTHONUNBUFFERED": "1"},
        packager=Packager(),
    )
    slurm = SlurmExecutor(
        account="your-account",
        partition="your-partition",
        ntasks_per_node=8,
        gpus_per_node=8,
        nodes=1,
        tunnel=SSHTunnel(host="your-slurm-host", user="your-user", job_dir="d", identity="k"),
        container_image="image",
        time="00:30:00",
        env_vars={},
        container_mounts=[],
        packager=GitArchivePackager(subpath="src"),
    )
    sky = SkypilotExecutor(
        gpus="RTX5880-ADA-GENERATION",
        gpus_per_node=8,
        nodes=8,
        container_image="image",
        cloud="kubernetes",
        cluster_name="tester",
        setup="nvidia-smi\nls -al ./\n",
    )

    assert (docker.num_gpus, slurm.tunnel.host, sky.nodes) == (-1, "your-slurm-host", 8)
