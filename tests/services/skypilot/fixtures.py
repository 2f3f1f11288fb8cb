"""SkyPilot for tests: `sandbox`, one for all tests of a process."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.services.skypilot.sandbox import Sandbox


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """A Slurm that SkyPilot launches on, and the home of its user."""
    if os.geteuid() != 0:
        pytest.skip("the Slurm that SkyPilot is tried on needs root")
    from tests.services.skypilot.install import install  # noqa: PLC0415
    from tests.services.skypilot.sandbox import running  # noqa: PLC0415

    install()
    with running() as sandbox:
        yield sandbox
