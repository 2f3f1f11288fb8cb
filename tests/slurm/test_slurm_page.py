"""The page "Slurm in ten minutes", followed word by word in a fresh home."""

from __future__ import annotations

import re
import shlex
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.cli.conftest import REPOSITORY, Cli

if TYPE_CHECKING:
    from pathlib import Path

    from tests.services.slurm.clusters import Clusters

PAGE = (REPOSITORY / "docs" / "slurm.md").read_text()
PATIENCE_S = 120


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", PAGE, flags=re.DOTALL)


@pytest.fixture
def follow(tmp_path: Path, home: Path, clusters: Clusters):
    """Types a line of the page; the clusters are called there what they are called here."""
    clusters.give_ssh(home)
    root = tmp_path / "project"
    root.mkdir()
    subprocess.run(["git", "init", "-q", root], check=True)
    (root / "tasks.py").write_text(blocks("python")[0])
    (root / "nemorun.toml").write_text(blocks("toml")[0])
    cli = Cli(root)

    def type_line(line: str) -> str:
        command, *words = shlex.split(line)
        assert command == "nemorun"
        process = cli.start(*words)
        out, err = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0, f"{line}\n{out.decode()}{err.decode()}"
        return out.decode()

    return type_line


def test_every_command_of_the_page_does_what_it_says(follow):
    lines = [line[2:] for block in blocks("console") for line in block.splitlines()]

    said = {line: follow(line) for line in lines}

    sweep = said["nemorun run -k train -e 'slurm_*' lr=1e-4,3e-4"]
    assert sweep.count("SUCCEEDED") == 5
    assert "loss=0.951 node=b1" in sweep
    assert "#SBATCH --array=0-1" in said["nemorun run -k train -e slurm_a lr=1e-4,3e-4 --dry-run"]
    assert "step 9" in said["nemorun logs -f"]
    assert said["nemorun pull --glob '*.txt'"].count("1 file") == 2
    assert "CANCELLED" in said["nemorun cancel"]
