"""The same task at once on every kind of executor there is, as one experiment, with equal results."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.cli.conftest import REPOSITORY, Cli
from tests.services.docker.images import PYTHON

if TYPE_CHECKING:
    from tests.services.docker.engine import Engine
    from tests.services.skypilot.sandbox import Sandbox
    from tests.services.slurm.cluster import Cluster
    from tests.services.slurm.clusters import Clusters

pytestmark = pytest.mark.xdist_group("skypilot")
PATIENCE_S = 600
PLACES = ("local", "docker", "slurm_a", "slurm_b", "sky")
CONFIG = """
[project]
paths = ["example_project"]
pythonpath = ["example_project"]

[profiles.local]
kind = "local"

[profiles.docker]
kind = "docker"
container_image = "{image}"
{network}

[profiles.sky]
kind = "skypilot"
infra = "slurm"
"""
SLURM = """
[profiles.{name}]
kind = "slurm"
partition = "batch"
tunnel = {{ kind = "ssh", host = "{host}", port = {port}, user = "{user}", identity = "{key}", host_keys = "accept-new" }}
"""


@pytest.fixture
def project(tmp_path: Path, engine: Engine, clusters: Clusters) -> Cli:
    """The example project in a repository of its own, with a profile for each kind."""
    root = tmp_path / "project"
    shutil.copytree(REPOSITORY / "example_project", root / "example_project")
    subprocess.run(["git", "init", "-q", root], check=True)
    network = "" if engine.has_bridge else 'network = "host"'
    profiles = [slurm_profile("slurm_a", clusters.a), slurm_profile("slurm_b", clusters.b)]
    config = CONFIG.format(image=PYTHON, network=network)
    (root / "nemorun.toml").write_text(config + "".join(profiles))
    return Cli(root)


def slurm_profile(name: str, cluster: Cluster) -> str:
    return SLURM.format(
        name=name,
        host=cluster.host,
        port=cluster.port,
        user=cluster.user.name,
        key=cluster.key,
    )


def test_one_experiment_gives_the_same_results_everywhere(project, home, sandbox: Sandbox):
    chosen = [word for place in PLACES for word in ("-e", place)]
    env = {**sandbox.env, "NEMORUN_HOME": str(home / ".run")}

    process = project.start(
        "run", "-k", "train", *chosen, "epochs=1", "hidden=4", "--json", env=env
    )
    out, err = process.communicate(timeout=PATIENCE_S)

    assert process.returncode == 0, err.decode()
    jobs: dict[str, Any] = {
        job["executor"]: job for job in json.loads(out.splitlines()[-1])["jobs"]
    }
    assert {place: jobs[place]["state"] for place in PLACES} == dict.fromkeys(PLACES, "SUCCEEDED")
    assert len({jobs[place]["result"]["loss"] for place in PLACES}) == 1
    assert len({jobs[place]["result"]["accuracy"] for place in PLACES}) == 1
    assert all(Path(jobs[place]["outputs"]).is_dir() for place in PLACES)
