"""The examples of the execution specification, as written there, with `import nemorun as run`."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import nemorun as run
from nemorun import GitArchivePackager, SkypilotExecutor, Torchrun
from nemorun_discover.executors.codec import executor_from_dict, executor_to_dict, launcher_of

REPOSITORY = Path(run.__file__).parents[1]
DEFAULT_IMAGE = "nvcr.io/nvidia/nemo:dev"


def common_envs():
    return {"TOKENIZERS_PARALLELISM": "false"}


def mounts_for_your_hubs():
    return ["/hub:/hub"]


def your_docker_executor():
    return run.DockerExecutor(
        container_image="python:3.12",
        num_gpus=-1,
        runtime="nvidia",
        ipc_mode="host",
        shm_size="30g",
        volumes=["/local/path:/path/in/container"],
        env_vars={"PYTHONUNBUFFERED": "1"},
        packager=run.Packager(),
    )


def your_slurm_executor(nodes: int = 1, container_image: str = DEFAULT_IMAGE):
    # SSH Tunnel
    ssh_tunnel = run.SSHTunnel(
        host="your-slurm-host",
        user="your-user",
        job_dir="directory-to-store-runs-on-the-slurm-cluster",
        identity="optional-path-to-your-key-for-auth",
    )
    # Local Tunnel to use if you're already on the cluster
    run.LocalTunnel()

    packager = GitArchivePackager(
        # This will also be the working directory in your task.
        # If empty, the working directory will be toplevel of your git repo
        subpath="optional-subpath-from-toplevel-of-your-git-repo"
    )

    return run.SlurmExecutor(
        # Most of these parameters are specific to slurm
        account="your-account",
        partition="your-partition",
        ntasks_per_node=8,
        gpus_per_node=8,
        nodes=nodes,
        tunnel=ssh_tunnel,
        container_image=container_image,
        time="00:30:00",
        env_vars=common_envs(),
        container_mounts=mounts_for_your_hubs(),
        packager=packager,
    )


def your_skypilot_executor(nodes: int, devices: int, container_image: str):
    return SkypilotExecutor(
        gpus="RTX5880-ADA-GENERATION",
        gpus_per_node=devices,
        nodes=nodes,
        env_vars=common_envs(),
        container_image=container_image,
        cloud="kubernetes",
        # Optional to reuse Skypilot cluster
        cluster_name="tester",
        setup="""
    conda deactivate
    nvidia-smi
    ls -al ./
    """,
    )


@pytest.mark.parametrize(
    "executor",
    [
        run.LocalExecutor(),
        your_docker_executor(),
        your_slurm_executor(nodes=8, container_image="your-nemo-image"),
        your_skypilot_executor(nodes=8, devices=8, container_image="your-nemo-image"),
    ],
    ids=["local", "docker", "slurm", "skypilot"],
)
def test_every_executor_is_defined_as_written_and_survives_the_record(executor):
    assert executor_from_dict(executor_to_dict(executor)) == executor


def test_a_factory_takes_what_the_caller_says():
    executor = your_slurm_executor(nodes=8, container_image="your-nemo-image")

    assert (executor.nodes, executor.container_image) == (8, "your-nemo-image")
    assert isinstance(executor.tunnel, run.SSHTunnel)


@pytest.mark.parametrize(
    ("launcher", "kind"),
    [
        (None, None),
        ("default", None),
        ("torchrun", "torchrun"),
        (Torchrun(rdzv_backend="static"), "torchrun"),
        (run.Torchrun(), "torchrun"),
        ("ft", "ft"),
        (run.core.execution.FaultTolerance(max_restarts=2), "ft"),
    ],
    ids=["None", "default", "torchrun", "Torchrun(...)", "run.Torchrun", "ft", "FaultTolerance"],
)
def test_a_launcher_is_set_as_written(launcher, kind):
    executor = run.LocalExecutor()

    executor.launcher = launcher

    found = launcher_of(executor)
    assert (found.kind if found else None) == kind


TREE = {
    "docs/index.md": "words\n",
    "src/your_library/__init__.py": "",
    "src/your_library/train.py": """
        import os

        def train(lr):
            print(sorted(os.listdir(".")))
            return {"lr": lr, "cwd": sorted(os.listdir("."))}
        """,
    "tests/test_it.py": "",
}


@pytest.fixture
def repository(tmp_path):
    """The tree of the packagers' section, under git, with a script that launches from it."""
    root = tmp_path / "your repo"
    for name, text in TREE.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
    return root


def git(root, *arguments):
    author = ("-c", "user.name=me", "-c", "user.email=me@example.org")
    subprocess.run(["git", *author, *arguments], cwd=root, check=True, capture_output=True)


def call(root, program):
    """What a script prints that says `import nemorun as run`; it must succeed."""
    script = root / "launch.py"
    script.write_text(
        "import os, sys\nimport nemorun as run\nsys.path.insert(0, 'src')\n"
        "from your_library.train import train\n" + textwrap.dedent(program)
    )
    answer = subprocess.run(
        [sys.executable, "launch.py"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def test_run_run_executes_a_single_task(repository):
    shown = call(
        repository,
        """
        result = run.run(run.Partial(train, lr=0.1), executor=run.LocalExecutor())
        print(result.state, result.exit_code, result.value["lr"])
        """,
    )

    assert shown.splitlines()[-1] == "SUCCEEDED 0 0.1"


def test_an_experiment_mixes_tasks_and_executors(repository):
    shown = call(
        repository,
        """
        with run.Experiment("mix and match", executor=run.LocalExecutor()) as exp:
            first = exp.add(run.Partial(train, lr=0.1), name="a")
            exp.add(run.Script(inline="echo $GREETING"), name="b", dependencies=[first],
                    executor=run.LocalExecutor(env_vars={"GREETING": "hello"}))
            exp.run()
        print([str(one.state) for one in exp.results().values()])
        """,
    )

    assert shown.splitlines()[-1] == "['SUCCEEDED', 'SUCCEEDED']"


def test_a_subpath_becomes_the_working_directory_and_the_python_path(repository):
    git(repository, "init", "-q")
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "first")

    shown = call(
        repository,
        """
        packager = run.GitArchivePackager(subpath="src")
        result = run.run(run.Partial(train, lr=0.1), executor=run.LocalExecutor(packager=packager))
        print(result.value["cwd"])
        """,
    )

    assert shown.splitlines()[-1] == "['your_library']"


def test_a_pattern_packages_what_is_not_under_version_control(repository):
    shown = call(
        repository,
        """
        packager = run.PatternPackager(include_pattern="src/**", relative_path=os.getcwd())
        executor = run.LocalExecutor(packager=packager)
        result = run.run(run.Partial(train, lr=0.1), executor=executor)
        print(result.value["cwd"])
        """,
    )

    assert shown.splitlines()[-1] == "['src']"


def test_metadata_lies_under_nemorun_home(repository, tmp_path, monkeypatch):
    monkeypatch.setenv("NEMORUN_HOME", str(tmp_path / "home"))

    call(repository, "run.run(run.Partial(train, lr=0.1), executor=run.LocalExecutor())")

    assert list((tmp_path / "home" / "experiments").glob("*/record.json"))


def test_the_readmes_program_runs_as_it_is_printed(tmp_path):
    blocks = re.findall(r"```python\n(.*?)```", (REPOSITORY / "README.md").read_text(), re.DOTALL)
    (program,) = (block for block in blocks if "import nemorun as run" in block)
    (tmp_path / "sweep.py").write_text(program)

    answer = subprocess.run(
        [sys.executable, "sweep.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.splitlines()[-1] == "{'accuracy': 0.9}"
