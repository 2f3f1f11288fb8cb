"""Plugins that are installed by pip, others that only look so, and the command that finds them."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.cli.conftest import REPOSITORY, Cli
from tests.lifecycle.conftest import Lab

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SHOP = Path(__file__).parents[1] / "projects" / "plugin_shop"
METADATA = "Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory into which pip has installed the example plugin."""
    folder = tmp_path_factory.mktemp("shop")
    wheel = folder / "shop_plugin-1.0-py3-none-any.whl"
    info = "shop_plugin-1.0.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        for file in sorted((SHOP / "shop_plugin").glob("*.py")):
            archive.write(file, f"shop_plugin/{file.name}")
        archive.writestr(f"{info}/METADATA", METADATA.format(name="shop-plugin"))
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.write(SHOP / "entry_points.txt", f"{info}/entry_points.txt")
        archive.writestr(f"{info}/RECORD", "")
    options = [
        "--no-index",
        "--no-deps",
        "--no-cache-dir",
        "--disable-pip-version-check",
        "--quiet",
    ]
    subprocess.run(
        [sys.executable, "-m", "pip", "install", *options, "--target", folder / "site", wheel],
        check=True,
    )
    return folder / "site"


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
