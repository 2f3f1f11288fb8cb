"""The Docker scheduler keeps the contract of schedulers, on a real engine."""

from __future__ import annotations

import pytest

from tests.schedulers.scheduler_contract import SchedulerContract


class TestDockerScheduler(SchedulerContract):
    @pytest.fixture
    def place(self, place):
        return place
