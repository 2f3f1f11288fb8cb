"""Jobs that TorchX runs keep the contract of schedulers, on its own local scheduler."""

from __future__ import annotations

import pytest

from nemorun_discover.executors.torchx import TorchxExecutor
from nemorun_discover.schedulers.torchx.scheduler import TorchxScheduler
from tests.schedulers.scheduler_contract import JobPlace, SchedulerContract


class TestTorchxScheduler(SchedulerContract):
    @pytest.fixture
    def place(self, tmp_path):
        executor = TorchxExecutor(scheduler="local_cwd", grace_s=1)
        with JobPlace(tmp_path, executor, TorchxScheduler) as place:
            yield place
