"""`nemorun wait` and `nemorun cancel`."""

from __future__ import annotations

import pytest

ID = "20261122-0712-train-x7k2"


def test_wait_returns_when_the_last_job_is_final(nemorun, workshop):
    workshop.launch(quick="true", slow="sleep 0.5")

    answer = nemorun("wait")

    assert answer.code == 0
    assert answer.lines[-1].startswith("2 passed in ")
    assert "slow@local SUCCEEDED" in answer.err.splitlines()


def test_wait_exits_1_and_shows_why_when_a_job_failed(nemorun, workshop):
    workshop.launch(fails="echo out of luck; exit 7")

    answer = nemorun("wait")

    assert answer.code == 1
    assert "exit code 7; the log ends:" in answer.lines
    assert "  out of luck" in answer.lines
    assert answer.lines[-1].startswith("1 failed in ")


@pytest.mark.parametrize("timeout", ["0", "0.2s"])
def test_wait_exits_124_when_its_time_is_over_and_the_jobs_go_on(
    nemorun, workshop, project, timeout
):
    experiment = workshop.launch(slow="until [ -e go ]; do sleep 0.05; done; echo survived")

    answer = nemorun("wait", "--timeout", timeout)
    (project / "go").touch()

    assert (answer.code, answer.out) == (124, "")
    assert f"error: {experiment} is not over after " in answer.err
    assert nemorun("wait").code == 0
    assert nemorun("logs").out == "survived\n"


def test_wait_prints_the_last_status_as_json(nemorun, shelf, told):
    shelf.put(told("train@local"))

    answer = nemorun("wait", "--json")

    assert answer.json["schema"] == "nemorun.status/1"
    assert answer.json["experiment"]["state"] == "SUCCEEDED"


@pytest.mark.parametrize("timeout", ["soon", "-1", "1x", ""])
def test_a_timeout_that_is_no_time_exits_4(nemorun, shelf, told, timeout):
    shelf.put(told("train@local"))

    answer = nemorun("wait", "--timeout", timeout)

    assert answer.code == 4
    assert f"--timeout: {timeout!r} is not a duration" in answer.err


def test_quiet_waiting_prints_only_the_answer(nemorun, shelf, told):
    shelf.put(told("train@local"))

    answer = nemorun("wait", "-q")

    assert (answer.lines, answer.err) == (["1 passed in 1m03s"], "")


def test_cancel_ends_the_jobs_and_waits_for_that(nemorun, workshop):
    experiment = workshop.launch(one="sleep 60", two="sleep 60")

    answer = nemorun("cancel")

    assert answer.code == 0
    assert answer.lines[0].startswith(f"{experiment}  ■ CANCELLED")
    assert answer.lines[-1] == "2 cancelled"
    assert nemorun("status", "--exit-code").code == 103


def test_cancel_ends_only_the_jobs_that_are_named(nemorun, workshop):
    workshop.launch(one="sleep 60", two="sleep 60")

    answer = nemorun("cancel", "one@local", "--json")

    states = {job["task"]: job["state"] for job in answer.json["jobs"]}
    assert states["one"] == "CANCELLED"
    assert states["two"] in ("PLANNED", "SUBMITTED", "RUNNING")


def test_cancel_takes_an_expression(nemorun, workshop):
    workshop.launch(one="sleep 60", two="sleep 60")

    answer = nemorun("cancel", "-k", "not two", "--json")

    assert [job["task"] for job in answer.json["jobs"] if job["state"] == "CANCELLED"] == ["one"]


def test_cancelling_twice_says_that_it_is_over(nemorun, shelf, told):
    shelf.put(told("train@local"))

    answer = nemorun("cancel")

    assert answer.code == 0
    assert f"{ID}: it is already over; nothing was cancelled" in answer.err
    assert "✓ SUCCEEDED" in answer.out
