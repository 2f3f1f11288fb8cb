"""The Docker scheduler keeps the contract of schedulers, on a real engine."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path

import pytest

from tests.schedulers.scheduler_contract import PATIENCE_S, SchedulerContract, until_final


class TestDockerScheduler(SchedulerContract):
    @pytest.fixture
    def place(self, place):
        return place

    def test_the_driver_is_woken_when_the_container_has_started(self, place):
        scheduler, woken = place.scheduler(), threading.Event()
        scheduler.wake = woken.set

        scheduler.submit(place.submission("a", "true"))

        assert woken.wait(PATIENCE_S)

    def test_a_scheduler_that_is_closed_has_let_go_of_the_engine(self, place):
        before = sockets()
        scheduler = place.scheduler()
        submission = place.submission("a", "true")
        scheduler.submit(submission)
        until_final(scheduler, submission)
        meanwhile = sockets()

        scheduler.close()

        assert meanwhile - before
        assert sockets() - before == set()


def sockets():
    """The sockets this process has open."""
    links = []
    for descriptor in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # that of the listing itself
            links.append(str(descriptor.readlink()))
    return {link for link in links if link.startswith("socket:")}
