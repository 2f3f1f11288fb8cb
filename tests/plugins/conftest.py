"""Plugins that are installed by pip, others that only look so, and the command that finds them."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
import tomllib
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.cli.conftest import REPOSITORY, Cli
from tests.lifecycle.conftest import Lab

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

EXAMPLE = Path(__file__).parents[1] / "projects" / "plugin"
METADATA = "Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"


@pytest.fixture(scope="session")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory into which pip has installed the plugin of docs/plugins.md."""
    folder = tmp_path_factory.mktemp("example")
    wheel = folder / "lab_plugin-1.0-py3-none-any.whl"
    info = "lab_plugin-1.0.dist-info"
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    entries = project["entry-points"]["nemorun.plugins"].items()
    with zipfile.ZipFile(wheel, "w") as archive:
        for file in sorted((EXAMPLE / "lab_plugin").glob("*.py")):
            archive.write(file, f"lab_plugin/{file.name}")
        archive.writestr(f"{info}/METADATA", METADATA.format(name=project["name"]))
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        lines = ["[nemorun.plugins]", *(f"{name} = {target}" for name, target in entries)]
        archive.writestr(f"{info}/entry_points.txt", "\n".join(lines))
        archive.writestr(f"{info}/RECORD", "")
    options = ["--no-index", "--no-deps", "--no-cache-dir", "--disable-pip-version-check", "-q"]
    subprocess.run(
        [sys.executable, "-m", "pip", "install", *options, "--target", folder / "site", wheel],
        check=True,
    )
    return folder / "site"


def lines_when(path: Path, last: str) -> list[str]:
    """What hooks have written, when this is in it: they may still run when the jobs have ended."""
    deadline = time.monotonic() + 30
    while not path.exists() or last not in path.read_text():
        assert time.monotonic() < deadline, path.read_text() if path.exists() else "nothing"
        time.sleep(0.02)
    return path.read_text().splitlines()


class PluggedCli(Cli):
    """`nemorun` with more on its path."""

    def __init__(self, directory: Path, path: Path) -> None:
        super().__init__(directory)
        self._path = path

    def environment(self, **changes: str) -> dict[str, str]:
        path = os.pathsep.join([str(self._path), str(REPOSITORY)])
        return {**super().environment(), "PYTHONPATH": path, **changes}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    (root / ".git").mkdir()
    return root


@pytest.fixture
def install(tmp_path: Path) -> Callable[..., Path]:
    """Write a module and the metadata of a distribution that names it, as an installer leaves them."""
    site = tmp_path / "site"

    def write(
        code: str, *, module: str, name: str | None = None, target: str | None = None
    ) -> Path:
        info = site / f"{module}-1.0.dist-info"
        info.mkdir(parents=True)
        (site / f"{module}.py").write_text(textwrap.dedent(code))
        (info / "METADATA").write_text(METADATA.format(name=module))
        (info / "entry_points.txt").write_text(
            f"[nemorun.plugins]\n{name or module} = {target or module}\n"
        )
        return site

    return write


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    root = tmp_path / "la b's"
    root.mkdir()
    lab = Lab(root)
    yield lab
    lab.end_everything()
