"""A Debian 13 of its own in a folder, with its Slurm: the system of cluster_c's machines."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests.services.packages import kept

RELEASE = "trixie"
_KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg"
_PACKAGES = (
    "slurmctld",
    "slurmd",
    "slurm-client",
    "slurmdbd",
    "slurm-wlm-mysql-plugin",
    "mariadb-server",
    "munge",
    "openssh-server",
    "python3",
)


def system() -> Path:
    """The root of the system, made once: a minute, and 700 MB."""
    made_of = f"{RELEASE} {_PACKAGES}".encode() + Path(__file__).read_bytes()
    return kept("debian", made_of, _install) / "root"


def _install(folder: Path) -> None:
    words = [f"--include={','.join(_PACKAGES)}", f"--keyring={_KEYS}", RELEASE]
    done = subprocess.run(
        ["debootstrap", "--variant=minbase", *words, str(folder / "root"), _mirror()],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"debootstrap failed:\n{done.stdout[-2000:]}{done.stderr}")
    for name in ("var/cache/apt/archives", "var/lib/apt/lists", "usr/share/doc", "usr/share/man"):
        shutil.rmtree(folder / "root" / name, ignore_errors=True)


def _mirror() -> str:
    """Where this machine's own packages come from."""
    command = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return next(line for line in done.stdout.splitlines() if line.rstrip("/").endswith("/debian"))
