"""A project on disk, and its configuration."""

from __future__ import annotations

import os
import textwrap
from typing import TYPE_CHECKING

import pytest

from nemorun_discover.config.load import Config, load_config
from nemorun_discover.config.locate import user_config_file
from nemorun_discover.model.task import Factory, Parameter

if TYPE_CHECKING:
    from pathlib import Path


class ProjectOnDisk:
    """A directory with files; `load` reads its configuration with an environment of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / ".git").mkdir(parents=True)
        self.env = {"HOME": os.environ["HOME"]}

    def write(self, name: str, text: str | bytes) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(text, bytes):
            path.write_bytes(text)
        else:
            path.write_text(textwrap.dedent(text), encoding="utf-8")
        return path

    def load(self, text: str | None = None, *overrides: str, **env: str) -> Config:
        if text is not None:
            self.write("nemorun.toml", text)
        return load_config(self.root, overrides=overrides, env={**self.env, **env})

    def factory(self, name: str, body: str, file: str = "executors.py", *params: str) -> Factory:
        """Write an executors.py, and say of its function what a scan would."""
        path = self.write(file, body)
        lines = path.read_text(encoding="utf-8").splitlines()
        line = next((n for n, one in enumerate(lines, 1) if f"def {name}(" in one), 0)
        directory = file.rpartition("/")[0]
        parameters = tuple(Parameter(name=one) for one in params)
        return Factory(name=name, file=file, line=line, directory=directory, params=parameters)


@pytest.fixture
def project(tmp_path: Path) -> ProjectOnDisk:
    return ProjectOnDisk(tmp_path / "my project")


@pytest.fixture
def user_file(home: Path) -> Path:
    """Where the user's own configuration lies on this platform."""
    path = user_config_file()
    assert path.is_relative_to(home)
    path.parent.mkdir(parents=True)
    return path
