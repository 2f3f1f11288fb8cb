"""Debian packages that a real service in the tests is made of: what is missing is installed, nothing starts."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_POLICY = Path("/usr/sbin/policy-rc.d")


def install_packages(names: list[str]) -> list[str]:
    """Install those of the packages that are missing; their daemons are not started.

    Returns:
        What was missing. Nothing is asked of a registry when that is nothing.
    """
    missing = [name for name in names if not is_installed(name)]
    if missing:
        with alone("apt"), no_daemon_starts():
            environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
            wait = ["-o", "DPkg::Lock::Timeout=300"]
            _apt(["update", "-qq", *wait], environment)
            options = ["install", "-y", "-qq", "--no-install-recommends", *wait]
            _apt([*options, *missing], environment)
    return missing


def is_installed(name: str) -> bool:
    """Whether dpkg has the package unpacked and configured."""
    query = ["dpkg-query", "-W", "-f", "${db:Status-Status}", name]
    return subprocess.run(query, capture_output=True, check=False).stdout == b"installed"


@contextmanager
def no_daemon_starts() -> Iterator[None]:
    """While in here, invoke-rc.d refuses to start what a package brings (its policy says 101)."""
    if _POLICY.exists():
        yield
        return
    _POLICY.write_text("#!/bin/sh\nexit 101\n")
    _POLICY.chmod(0o755)
    try:
        yield
    finally:
        _POLICY.unlink()


@contextmanager
def alone(what: str) -> Iterator[None]:
    """One process on this machine at a time does this."""
    with Path(tempfile.gettempdir(), f"nemorun-tests-{what}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def kept(what: str, made_of: bytes, build: Callable[[Path], None]) -> Path:
    """A folder below the temporary directory, built once for what it is made of."""
    digest = hashlib.sha256(made_of).hexdigest()[:12]
    folder = Path(tempfile.gettempdir(), "nemorun-tests-cache", f"{what}-{digest}")
    with alone(what):
        if not folder.exists():
            new = folder.with_suffix(f".{os.getpid()}")
            new.mkdir(parents=True)
            try:
                build(new)
                new.rename(folder)
            finally:
                shutil.rmtree(new, ignore_errors=True)
    return folder


def _apt(arguments: list[str], environment: dict[str, str]) -> None:
    done = subprocess.run(
        ["apt-get", *arguments], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"apt-get {arguments[0]} failed:\n{done.stdout[-2000:]}{done.stderr}")
