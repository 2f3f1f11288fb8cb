"""The images of the tests, made of Debian's packages: nothing can be pulled here.

They are kept as files, by what they are made of, and loaded into each engine that is started.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.services.packages import alone

if TYPE_CHECKING:
    from docker import DockerClient

PYTHON = "nemorun-test/python:3.9"  # bash, busybox and Python 3.9; root
NINA = "nemorun-test/nina:3.9"  # the same, with USER nina (1234)
SHELL = "nemorun-test/shell:1"  # a shell, no Python
BARE = "nemorun-test/bare:1"  # one program, `say`
NINA_ID = 1234

# Python 3.9 is bullseye's; what its interpreter, ssl and ctypes load is all there is beside it.
_SUITE = "bullseye"
_PACKAGES = (
    "python3.9-minimal", "libpython3.9-minimal", "libpython3.9-stdlib", "bash", "busybox-static",
    "libc6", "libcrypt1", "libexpat1", "libffi7", "libgcc-s1", "liblzma5", "libmpdec3", "libbz2-1.0",
    "libsqlite3-0", "libssl1.1", "libtinfo6", "libuuid1", "zlib1g",
)  # fmt: skip
_PASSWD = "root:x:0:0:root:/root:/bin/bash\nnina:x:1234:1234::/home/nina:/bin/bash\n"
_GROUP = "root:x:0:\nnina:x:1234:\npainters:x:4321:nina\n"
_VERSION = "2"  # of this file


def kept() -> Path:
    """Where the images lie."""
    what = repr((_SUITE, _PACKAGES, _PASSWD, _GROUP, _VERSION))
    name = hashlib.sha256(what.encode()).hexdigest()[:12]
    return Path(tempfile.gettempdir(), f"nemorun-docker-images-{name}")


def build() -> None:
    """Make the images' files, once."""
    with alone("docker-images"):
        if kept().is_dir():
            return
        with tempfile.TemporaryDirectory(prefix="nemorun-images-") as temporary:
            draft = Path(temporary, "done")
            draft.mkdir()
            _pack(_python_root(Path(temporary)), draft / "python.tar")
            _pack(_shell_root(Path(temporary)), draft / "shell.tar")
            _pack(_bare_root(Path(temporary)), draft / "bare.tar")
            shutil.move(draft, kept())


def load(client: DockerClient, only: str | None = None) -> None:
    """Put the images, or one of them, into an engine that lacks them."""
    there = {tag for one in client.images.list() for tag in one.tags}
    for name, file, changes in (
        (PYTHON, "python.tar", []),
        (NINA, "python.tar", ["USER nina", "ENV PYTHONPATH=/home/nina/lib"]),
        (SHELL, "shell.tar", []),
        (BARE, "bare.tar", []),
    ):
        if name not in there and only in (None, name):
            repository, tag = name.split(":")
            client.api.import_image_from_file(
                str(kept() / file), repository=repository, tag=tag, changes=changes
            )


def _python_root(temporary: Path) -> Path:
    root = temporary / "python"
    for package in _download(temporary):
        subprocess.run(["dpkg-deb", "-x", package, root], check=True)
    for folder in ("tmp", "root", "proc", "sys", "dev", "etc", "home/nina/lib", "opt"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "tmp").chmod(0o1777)
    (root / "etc/passwd").write_text(_PASSWD)
    (root / "etc/group").write_text(_GROUP)
    (root / "home/nina/lib/of_nina.py").write_text("NAME = 'nina'\n")
    for path in (root / "home/nina", root / "home/nina/lib"):
        os.chown(path, NINA_ID, NINA_ID)
    (root / "usr/bin/python3").symlink_to("python3.9")
    subprocess.run(["chroot", root, "/bin/busybox", "--install", "-s", "/bin"], check=True)
    # As Debian does when it installs them.
    compile_all = ["python3.9", "-m", "compileall", "-q", "/usr/lib/python3.9"]
    subprocess.run(["chroot", root, *compile_all], check=True, stdout=subprocess.DEVNULL)
    for folder in ("usr/share/doc", "usr/share/man", "usr/share/locale"):
        shutil.rmtree(root / folder, ignore_errors=True)
    return root


def _download(temporary: Path) -> list[Path]:
    """The packages' files, from the archive this machine has its own from."""
    asked = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"]
    known = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split()
    archive = next(one for one in known if one.rstrip("/").endswith("/debian"))
    for folder in ("lists/partial", "cache/archives/partial", "packages"):
        (temporary / folder).mkdir(parents=True)
    keys = "/usr/share/keyrings/debian-archive-keyring.gpg"
    (temporary / "sources.list").write_text(f"deb [signed-by={keys}] {archive} {_SUITE} main\n")
    options = {
        "Dir::Etc::sourcelist": temporary / "sources.list",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::State::lists": temporary / "lists",
        "Dir::State::status": "/dev/null",  # what is installed here is of another release
        "Dir::Cache": temporary / "cache",
        "APT::Sandbox::User": "root",
    }
    apt = ["apt-get", "-qq", *(f"-o{name}={value}" for name, value in options.items())]
    subprocess.run([*apt, "update"], check=True)
    packages = temporary / "packages"
    subprocess.run([*apt, "download", *_PACKAGES], cwd=packages, check=True)
    return sorted(packages.glob("*.deb"))


def _shell_root(temporary: Path) -> Path:
    root = temporary / "shell"
    for folder in ("bin", "tmp", "etc"):
        (root / folder).mkdir(parents=True)
    (root / "tmp").chmod(0o1777)
    shutil.copy("/bin/busybox", root / "bin/busybox")
    subprocess.run(["chroot", root, "/bin/busybox", "--install", "-s", "/bin"], check=True)
    return root


def _bare_root(temporary: Path) -> Path:
    root = temporary / "bare"
    (root / "bin").mkdir(parents=True)
    # busybox does what it is called; of the programs that are not there, `cat` has the name of none.
    shutil.copy("/bin/busybox", root / "bin/cat")
    return root


def _pack(root: Path, archive: Path) -> None:
    with tarfile.open(archive, "w") as tar:
        tar.add(root, arcname=".")
    (archive.with_suffix(".json")).write_text(json.dumps({"from": root.name}))
