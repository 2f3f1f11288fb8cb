"""Docker's engine for tests: `engine` to use with others, `own_engine` to stop, restart and fill."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.services.docker.engine import Engine


@pytest.fixture(scope="session")
def running_engine() -> Iterator[Engine]:
    """The engine, the same one for every worker of pytest-xdist."""
    _require_root()
    from tests.services.docker.install import install  # noqa: PLC0415
    from tests.services.docker.sharing import borrowed  # noqa: PLC0415

    install()
    with borrowed() as engine:
        yield engine


@pytest.fixture
def engine(running_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """The engine, and DOCKER_HOST says where it is."""
    monkeypatch.setenv("DOCKER_HOST", running_engine.host)
    return running_engine


@pytest.fixture
def own_engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Engine]]:
    """Starts an engine for this test alone, with options of dockerd; DOCKER_HOST says where it is."""
    _require_root()
    from tests.services.docker.engine import started  # noqa: PLC0415
    from tests.services.docker.install import install  # noqa: PLC0415

    install()
    made = []

    def start(*options: str, only: str | None = None) -> Engine:
        engine = started(Path(tempfile.mkdtemp(prefix="nrd-")), *options, only=only)
        made.append(engine)
        monkeypatch.setenv("DOCKER_HOST", engine.host)
        return engine

    yield start
    for engine in made:
        engine.remove()
        shutil.rmtree(engine.base, ignore_errors=True)


def _require_root() -> None:
    if os.geteuid() != 0:
        pytest.skip("Docker's engine needs root")
