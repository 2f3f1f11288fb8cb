"""What `--container-*` needs on the test clusters: a plugin in place of Pyxis, and two images."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from tests.services.packages import kept
from tests.services.slurm.layout import ALICE

if TYPE_CHECKING:
    from collections.abc import Iterable

_SOURCE = Path(__file__).with_name("spank_container.c")
_COMPILE = ("gcc", "-std=gnu11", "-O1", "-fPIC", "-shared", "-Wall", "-Wno-format-truncation")
_PYTHON = Path("/usr/bin/python3")
# Not part of what a job needs, and 35 of 75 MB.
_LEFT_OUT = ("__pycache__", "test", "tests", "idlelib", "ensurepip", "config-3*", "*.a")

# enroot keeps an image's variables in etc/environment.
_ENVIRONMENT = """\
PATH=/usr/local/bin:/usr/bin:/bin
FROM_IMAGE={name}
"""
_OS_RELEASE = 'NAME="nemorun test image {name}"\nID=nemorun-{name}\n'


def plugin() -> Path:
    """spank_pyxis.so, built when there is none of this source."""
    return kept("plugin", _SOURCE.read_bytes(), _build_plugin) / "spank_pyxis.so"


def _build_plugin(folder: Path) -> None:
    command = [*_COMPILE, "-o", str(folder / "spank_pyxis.so"), str(_SOURCE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the container plugin does not compile:\n{done.stderr}")


def images() -> Path:
    """The folder of the images: `python` (Python 3 and bash) and `busybox` (neither)."""
    version = subprocess.run([_PYTHON, "-VV"], capture_output=True, check=True).stdout
    return kept("images", version + Path(__file__).read_bytes(), _build_images)


def _build_images(folder: Path) -> None:
    for name in ("python", "busybox"):
        _build_busybox(folder / name, name)
    _add_python(folder / "python")
    # enroot unpacks an image for the user who starts the job, so its files are his.
    subprocess.run(["chown", "-R", f"{ALICE.uid}:{ALICE.uid}", folder], check=True)


def _build_busybox(root: Path, name: str) -> None:
    for part in (
        "bin",
        "dev",
        "etc",
        "home",
        "proc",
        "root",
        "sys",
        "usr/bin",
        "usr/sbin",
        "sbin",
        "var",
    ):
        (root / part).mkdir(parents=True)
    (root / "tmp").mkdir()
    (root / "tmp").chmod(0o1777)
    shutil.copy("/bin/busybox", root / "bin" / "busybox")
    for applet in _answer("/bin/busybox", "--list").split():
        if not (root / "bin" / applet).exists():
            (root / "bin" / applet).symlink_to("busybox")
    (root / "etc" / "environment").write_text(_ENVIRONMENT.format(name=name))
    (root / "etc" / "os-release").write_text(_OS_RELEASE.format(name=name))


def _add_python(root: Path) -> None:
    """Debian's Python and bash, as they are installed here, with the libraries they load."""
    real = _PYTHON.resolve()
    library = Path("/usr/lib", real.name)
    shutil.copytree(
        library, root / "usr/lib" / real.name, ignore=shutil.ignore_patterns(*_LEFT_OUT)
    )
    shutil.copy(real, root / "usr/bin" / real.name)
    (root / "usr/bin/python3").symlink_to(real.name)
    (root / "usr/bin/env").symlink_to("/bin/busybox")
    shutil.copy("/bin/bash", root / "bin/bash")
    for file in _libraries([real, Path("/bin/bash"), *(library / "lib-dynload").glob("*.so")]):
        (root / file.relative_to("/")).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, root / file.relative_to("/"))


def _libraries(programs: Iterable[Path]) -> set[Path]:
    listed = _answer("ldd", *map(str, programs))
    return {Path(found) for found in re.findall(r"(/\S+) \(0x", listed)}


def _answer(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
