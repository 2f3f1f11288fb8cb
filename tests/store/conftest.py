"""Records as the store gets them, and a disk that is full."""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from nemorun_discover.model.record import Project, Record
from nemorun_discover.store.home import Home

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def make_record() -> Callable[..., Record]:
    def make(id_: str = "20261122-0712-train-x7k2", **fields: Any) -> Record:
        defaults: dict[str, Any] = {
            "id": id_,
            "title": "train",
            "created_at": datetime(2026, 11, 22, 7, 12, tzinfo=UTC),
            "argv": ("nemorun", "run"),
            "cwd": "/",
            "user": "me",
            "host": "here",
            "versions": {"nemorun": "0"},
            "project": Project(root="/project", name="demo"),
        }
        return Record(**(defaults | fields))

    return make


@pytest.fixture
def store(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@contextmanager
def small_disk(place: Path) -> Iterator[Path]:
    """A file system of 256 KiB, which only root can mount."""
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(place)], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.fixture
def fill_up() -> Callable[[Path], None]:
    """Leaves no room on a small disk."""

    def fill_up(disk: Path) -> None:
        with (disk / "filler").open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"x" * 4096)
            except OSError:
                pass

    return fill_up


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("a small file system can only be mounted by root")
    with small_disk(tmp_path / "disk") as place:
        yield place
