"""nemorun on a login node: run there by the user, as with a tunnel of kind local."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import nemorun_discover

if TYPE_CHECKING:
    import subprocess

    from tests.services.slurm.cluster import Cluster
    from tests.slurm.lab import Lab


class LoginNode:
    """A copy of nemorun and of a project in the user's home on a cluster."""

    def __init__(self, lab: Lab, cluster: Cluster) -> None:
        self._cluster = cluster
        self._base = lab.base
        outside = cluster.outside(lab.base)
        source = Path(nemorun_discover.__file__).parents[1]
        for name in ("nemorun", "nemorun_discover"):
            ignore = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source / name, outside / "nemorun" / name, ignore=ignore)
        shutil.copytree(lab.root, outside / "project")
        (outside / "home").mkdir()
        for folder, folders, files in os.walk(outside):
            for name in (".", *folders, *files):
                os.chown(
                    Path(folder, name), cluster.user.uid, cluster.user.uid, follow_symlinks=False
                )

    def __call__(self, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run nemorun there."""
        variables = {
            "HOME": f"{self._base}/home",
            "PYTHONPATH": f"{self._base}/nemorun",
            "PYTHONDONTWRITEBYTECODE": "1",
            **env,
        }
        return self._cluster.try_run(
            *(
                "env",
                "-C",
                f"{self._base}/project",
                *(f"{name}={value}" for name, value in variables.items()),
            ),
            *(str(self._cluster.torch_python), "-m", "nemorun_discover.cli.main", *args),
        )
