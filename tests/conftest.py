"""What every test gets: a home of its own, no way to touch the real one, and no skips in CI."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.capabilities import bound_by_permissions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytest_plugins = [
    "tests.services.slurm.fixtures",
    "tests.services.docker.fixtures",
    "tests.services.skypilot.fixtures",
]


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home; HOME, NEMORUN_HOME and the XDG directories lie in it."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("NEMORUN_HOME", str(home / ".run"))
    for name in os.environ:
        if name.startswith(("XDG_", "NEMORUN_")) and name != "NEMORUN_HOME":
            monkeypatch.delenv(name)
    # Of the machine, in use: here of each test alone, as if it had the machine for itself.
    monkeypatch.setenv("NEMORUN_GPU_LOCKS", str(home / "gpu-locks"))
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    return home


@pytest.fixture
def permissions_hold() -> Iterator[None]:
    """The permissions of files hold in this test, even when it runs as root."""
    with bound_by_permissions():
        yield


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI a test that was skipped has not shown what it is there for: the run fails."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") == "true" and reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
