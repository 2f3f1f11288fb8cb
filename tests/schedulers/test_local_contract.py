"""The local scheduler keeps the contract of schedulers."""

from __future__ import annotations

import pytest

from tests.schedulers.scheduler_contract import SchedulerContract


class TestLocalScheduler(SchedulerContract):
    @pytest.fixture
    def place(self, place):
        return place
