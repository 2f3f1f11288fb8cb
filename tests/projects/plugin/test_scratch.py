"""The kind `scratch` keeps what every kind of executor promises."""

import pytest
from lab_plugin.scheduler import ScratchScheduler
from lab_plugin.settings import ScratchExecutor
from nemorun_discover.testing import JobPlace, SchedulerContract


class TestScratch(SchedulerContract):
    @pytest.fixture
    def place(self, tmp_path):
        executor = ScratchExecutor(scratch=str(tmp_path / "scratch"), max_parallel=2, grace_s=1)
        with JobPlace(tmp_path, executor, ScratchScheduler) as place:
            yield place
