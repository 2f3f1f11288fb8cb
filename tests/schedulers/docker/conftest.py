"""A place where jobs run in containers of the tests' engine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from nemorun_discover.executors.docker import DockerExecutor
from nemorun_discover.schedulers.docker.scheduler import DockerScheduler
from nemorun_discover.testing.job_place import JobPlace
from tests.schedulers.docker.lab import Lab
from tests.services.docker import images

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nemorun_discover.schedulers.protocol import Submission


class DockerPlace(JobPlace):
    """Jobs in containers whose code is `folder`."""

    def __init__(self, root: Path, **fields: Any) -> None:
        settings = {"container_image": images.PYTHON, "max_parallel": 2, "grace_s": 1, **fields}
        super().__init__(root, DockerExecutor(**settings), DockerScheduler)

    def submission(self, name: str, script: str, **fields: Any) -> Submission:
        return replace(super().submission(name, script, **fields), root=Path("code"))


@pytest.fixture
def place(tmp_path: Path, engine) -> Iterator[DockerPlace]:
    with DockerPlace(tmp_path) as place:
        yield place


@pytest.fixture
def lab(tmp_path: Path, home: Path, engine) -> Iterator[Lab]:
    root = tmp_path / "lab"
    root.mkdir()
    lab = Lab(root)
    yield lab
    lab.end_everything(engine)
