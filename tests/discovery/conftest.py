"""Small projects for discovery, written as the files they are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest

from nemorun_discover.discovery.scan import collect

if TYPE_CHECKING:
    from nemorun_discover.model.task import Collection, Task

PROJECTS = Path(__file__).parents[1] / "projects"


@dataclass(frozen=True)
class Project:
    """A project in a directory of its own."""

    root: Path

    def write(self, file: str, content: str | bytes) -> Project:
        path = self.root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else dedent(content).encode())
        return self

    def collect(self, *paths: str, **options: Any) -> Collection:
        return collect(self.root, paths or ["."], **options)

    def tasks(self, content: str) -> dict[str, Task]:
        """The tasks of one file, by name; it must have no issue."""
        found = self.write("tasks.py", content).collect()
        assert found.issues == ()
        return {task.name: task for task in found.tasks}

    def issue(self, content: str) -> tuple[int, str]:
        """Line and message of the only issue of one file, which has no task then."""
        found = self.write("tasks.py", content).collect()
        assert found.tasks == ()
        (issue,) = found.issues
        assert issue.file == "tasks.py"
        return issue.line, issue.message


@pytest.fixture
def project(tmp_path: Path) -> Project:
    root = tmp_path / "my project"
    root.mkdir()
    return Project(root)


@pytest.fixture
def projects() -> Path:
    """The directory of the example projects kept as files."""
    return PROJECTS
