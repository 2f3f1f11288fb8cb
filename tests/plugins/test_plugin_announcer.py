"""Plugins are told in their own threads, in order, and are not waited for without an end."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest

from nemorun_discover.model.event import Event, EventType
from nemorun_discover.model.state import State
from nemorun_discover.model.status import ExperimentStatus, JobStatus
from nemorun_discover.plugins.announce import Announcer
from nemorun_discover.plugins.base import Plugin
from nemorun_discover.plugins.hooks import Plugins

AT = datetime(2026, 11, 22, tzinfo=UTC)
OVER = ExperimentStatus(
    id="e", title="t", state=State.SUCCEEDED, created_at=AT, as_of=AT, notes=("n",)
)


def job(name="f@local", state=State.RUNNING):
    return JobStatus(id=name, slug=name, task="f", params={}, executor="local", state=state)


def event(kind=EventType.STATE):
    return Event(at=AT, type=kind, job="f@local")


class Listening(Plugin):
    def __init__(self):
        self.heard = []
        self.threads = set()

    def on_submit(self, experiment_id, job):
        self.hear("submit", experiment_id, job.id)

    def on_state_change(self, experiment_id, job):
        self.hear("state", experiment_id, job.state)

    def on_finish(self, experiment_id, experiment):
        self.hear("finish", experiment_id, experiment.notes)

    def hear(self, *words):
        self.heard.append(words)
        self.threads.add(threading.current_thread())


class Waiting(Listening):
    def __init__(self, go):
        super().__init__()
        self.go = go

    def on_state_change(self, experiment_id, job):
        self.go.wait(30)
        super().on_state_change(experiment_id, job)


@pytest.fixture
def complaints():
    return []


def announcer(complaints, *plugins):
    taking_part = Plugins()
    for plugin in plugins:
        taking_part.add(plugin, type(plugin).__name__)
    return Announcer(taking_part, "e", complaints.append)


def test_every_hook_is_called_in_order_in_one_thread_that_is_not_the_callers(complaints):
    plugin = Listening()
    telling = announcer(complaints, plugin)

    telling.tell(event(EventType.SUBMITTED), job())
    telling.tell(event(), job())
    telling.tell(event(), job(state=State.SUCCEEDED))
    telling.finish(OVER, patience_s=30)

    assert plugin.heard == [
        ("submit", "e", "f@local"),
        ("state", "e", State.RUNNING),
        ("state", "e", State.SUCCEEDED),
        ("finish", "e", ("n",)),
    ]
    assert len(plugin.threads) == 1
    assert threading.current_thread() not in plugin.threads
    assert complaints == []


@pytest.mark.parametrize(
    "kind", [one for one in EventType if one not in ("submitted", "state")], ids=str
)
def test_other_entries_of_the_journal_are_not_told(complaints, kind):
    plugin = Listening()
    telling = announcer(complaints, plugin)

    telling.tell(event(kind), job())
    telling.finish(OVER, patience_s=30)

    assert [one[0] for one in plugin.heard] == ["finish"]


def test_a_plugin_without_hooks_for_the_driver_gets_no_thread(complaints):
    before = threading.active_count()

    announcer(complaints, Plugin()).finish(OVER, patience_s=30)

    assert threading.active_count() == before


def test_telling_does_not_wait_for_the_plugin(complaints):
    go = threading.Event()
    plugin, other = Waiting(go), Listening()
    telling = announcer(complaints, plugin, other)

    telling.tell(event(), job())
    heard_meanwhile = list(plugin.heard)
    go.set()
    telling.finish(OVER, patience_s=30)

    assert heard_meanwhile == []
    assert [one[0] for one in plugin.heard] == ["state", "finish"]
    assert plugin.heard == other.heard


def test_a_plugin_that_does_not_return_is_left_alone_and_that_is_said(complaints):
    go = threading.Event()
    plugin, other = Waiting(go), Listening()
    telling = announcer(complaints, plugin, other)

    telling.tell(event(), job())
    telling.finish(OVER, patience_s=0.2)
    go.set()

    assert complaints == [
        "plugin Waiting: on_state_change has not returned in 0.2 s; the driver has ended without it"
    ]
    assert [one[0] for one in other.heard] == ["state", "finish"]


def test_a_failure_that_repeats_is_told_once(complaints):
    class Failing(Plugin):
        def on_submit(self):
            raise RuntimeError("no network")

    telling = announcer(complaints, Failing())

    for name in "abc":
        telling.tell(event(EventType.SUBMITTED), job(name))
    telling.finish(OVER, patience_s=30)

    assert len(complaints) == 1
    assert complaints[0].startswith(
        "plugin Failing: on_submit raised RuntimeError: no network, at "
    )


def test_what_a_plugin_is_told_is_its_own_copy(complaints):
    class Changing(Plugin):
        def on_submit(self, job):
            job.params["x"] = "changed"

    told = job()
    telling = announcer(complaints, Changing())

    telling.tell(event(EventType.SUBMITTED), told)
    telling.finish(OVER, patience_s=30)

    assert told.params == {}
    assert complaints == []
