"""The same task at once on every kind of executor there is, as one experiment, with equal results."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.cli.conftest import REPOSITORY, Cli
from tests.services.docker.images import PYTHON

if TYPE_CHECKING:
    from tests.services.docker.engine import Engine
    from tests.services.slurm.clusters import Clusters

PATIENCE_S = 300
PLACES = ("local", "docker", "slurm_a", "slurm_b")


@pytest.fixture
def project(tmp_path: Path, home: Path, engine: Engine, clusters: Clusters) -> Cli:
    """The example project, with a profile for each kind."""
    root = tmp_path / "project"
    shutil.copytree(REPOSITORY / "example_project", root / "example_project")
    clusters.give_ssh(home)
    subprocess.run(["git", "init", "-q", root], check=True)
    network = "" if engine.has_bridge else 'network = "host"\n'
    (root / "nemorun.toml").write_text(
        '[project]\npaths = ["example_project"]\npythonpath = ["example_project"]\n'
        '[profiles.local]\nkind = "local"\n'
        f'[profiles.docker]\nkind = "docker"\ncontainer_image = "{PYTHON}"\n{network}'
        + "".join(
            f'[profiles.slurm_{name[-1]}]\nkind = "slurm"\npartition = "batch"\n'
            f'tunnel = {{ kind = "ssh", host = "{name}" }}\n'
            for name in ("cluster_a", "cluster_b")
        )
    )
    return Cli(root)


def test_one_experiment_gives_the_same_results_everywhere(project):
    chosen = [word for place in PLACES for word in ("-e", place)]

    process = project.start("run", "-k", "train", *chosen, "epochs=1", "hidden=4", "--json")
    out, err = process.communicate(timeout=PATIENCE_S)

    assert process.returncode == 0, err.decode()
    jobs = {job["executor"]: job for job in json.loads(out.splitlines()[-1])["jobs"]}
    assert {place: jobs[place]["state"] for place in PLACES} == dict.fromkeys(PLACES, "SUCCEEDED")
    assert len({jobs[place]["result"]["loss"] for place in PLACES}) == 1
    assert len({jobs[place]["result"]["accuracy"] for place in PLACES}) == 1
    assert all((Path(jobs[place]["outputs"])).is_dir() for place in PLACES)
