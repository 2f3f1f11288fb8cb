"""Statuses as people read them: jobs, failures, progress, the live picture, the closing lines."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import timedelta

import pytest

from nemorun_discover.cli.console import Channel, Console
from nemorun_discover.cli.progress import plain_progress
from nemorun_discover.cli.render_failures import failure_report
from nemorun_discover.cli.render_jobs import job_table, result_words
from nemorun_discover.cli.render_live import live_lines
from nemorun_discover.cli.render_summary import closing_lines, verdict
from nemorun_discover.cli.symbols import reason_words
from nemorun_discover.errors import ExitCode
from nemorun_discover.lifecycle.observe import observe
from nemorun_discover.model.state import State
from nemorun_discover.model.status import JobStatus

ERROR = {
    "type": "ValueError",
    "message": "bad",
    "traceback": "Traceback:\n  File\nValueError: bad\n",
}


class Screen(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True


def screen(columns, color="no"):
    return Channel(Screen(), color=color, env={"COLUMNS": str(columns), "TERM": "xterm"})


@pytest.fixture
def pipe():
    stream = io.StringIO()
    return Channel(stream, color="no", env={})


@pytest.fixture
def see(shelf):
    """The status of hand-written jobs."""

    def put(*jobs):
        return observe(shelf.home, shelf.put(*jobs))

    return put


def texts(lines):
    return ["".join(text for text, _ in line) for line in lines]


def job(**fields):
    defaults = {"id": "a@local", "slug": "a", "task": "a", "params": {}, "executor": "local"}
    return JobStatus(**(defaults | {"state": State.FAILED} | fields))


def test_the_job_table_says_state_time_reason_and_result(see, told):
    status = see(
        told("train[lr=0.1]@local", result={"acc": 0.97215, "net": {"size": 3}}),
        told("train[lr=0.5]@local", state="FAILED", reason="EXIT_CODE", exit_code=3),
        told("evaluate@local", state="SKIPPED", reason="UPSTREAM_FAILED"),
    )
    wide = screen(120)

    lines = texts(job_table(status, Console(wide, wide)))

    assert lines == [
        "JOB                  STATE        TIME   REASON           RESULT",
        "train[lr=0.1]@local  ✓ SUCCEEDED  1m03s                   acc=0.9721 net.size=3",
        "train[lr=0.5]@local  ✗ FAILED     1m03s  exit code 3",
        "evaluate@local       ↷ SKIPPED           upstream failed",
    ]


def test_the_job_table_drops_the_result_first_then_the_reason_then_the_time(see, told):
    status = see(
        told("train[lr=0.1]@local", result={"accuracy": 0.9}, log="x"),
        told("train[lr=0.5]@local", state="FAILED", reason="EXIT_CODE", exit_code=3),
    )
    heads = {}
    for width in (80, 60, 45, 36):
        channel = screen(width)
        heads[width] = texts(job_table(status, Console(channel, channel)))[0].split()

    assert heads == {
        80: ["JOB", "STATE", "TIME", "REASON", "RESULT"],
        60: ["JOB", "STATE", "TIME", "REASON"],
        45: ["JOB", "STATE", "TIME"],
        36: ["JOB", "STATE"],
    }


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"exit_code": 3, "reason": "EXIT_CODE"}, "exit code 3"),
        ({"signal": "SIGKILL", "reason": "SIGNAL"}, "SIGKILL"),
        ({"exit_code": 1}, "exit code 1"),
        ({"reason": "TIMEOUT", "signal": "SIGTERM"}, "timeout"),
        ({"reason": "UPSTREAM_FAILED", "state": State.SKIPPED}, "upstream failed"),
        ({"reason": "NEW_IN_NEXT_VERSION"}, "new in next version"),
        ({"state": State.CANCELLED, "reason": "CANCELLED", "signal": "SIGTERM"}, ""),
        ({"state": State.SUCCEEDED, "exit_code": 0}, ""),
    ],
    ids=str,
)
def test_a_reason_is_two_or_three_words(fields, words):
    assert reason_words(job(**fields)) == words


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (None, ""),
        (0.123456, "0.1235"),
        ("text", "text"),
        ([1, 2], "[1, 2]"),
        ({"a": True, "b": None, "c": {"d": 1.0}}, "a=true b=null c.d=1"),
    ],
    ids=str,
)
def test_a_result_is_one_line(result, words):
    assert result_words(result) == words


def test_a_report_shows_the_traceback_and_where_the_log_is(see, told, shelf, pipe):
    status = see(told("train@local", state="FAILED", error=ERROR), told("other@local"))

    lines = texts(failure_report(status, pipe))

    assert lines == [
        " FAILURES ".center(80, "="),
        "_" * 33 + " train@local " + "_" * 34,
        "Traceback:",
        "  File",
        "ValueError: bad",
        f"log: {shelf.log_of(status.id, 'train@local')}",
        "",
    ]


def test_a_traceback_that_many_jobs_share_is_shown_once(see, told, pipe):
    jobs = [told(f"train[lr={n}]@local", state="FAILED", error=ERROR) for n in range(12)]
    other = told("other@local", state="FAILED", error=ERROR | {"traceback": "OSError: else"})

    lines = texts(failure_report(see(*jobs, other), pipe))

    assert lines.count("ValueError: bad") == 1
    assert lines.count("OSError: else") == 1
    assert (
        "the same in 11 more jobs: train[lr=1]@local, train[lr=2]@local, train[lr=3]@local, and 8 more"
        in lines
    )


def test_a_failure_without_an_exception_shows_the_end_of_its_log(see, told, pipe):
    log = "".join(f"line {n}\n" for n in range(30)) + "10%\r50%\rgone \x1b[31mwrong\x1b[0m\x07\n"
    status = see(
        told("sh@local", state="FAILED", reason="EXIT_CODE", exit_code=3, log=log),
        told("big@local", state="FAILED", reason="SIGNAL", signal="SIGKILL"),
    )

    lines = texts(failure_report(status, pipe))

    assert lines[2] == "exit code 3; the log ends:"
    assert lines[3:13] == [f"  line {n}" for n in range(21, 30)] + ["  gone wrong\\x07"]
    assert "SIGKILL; it printed nothing" in lines


def test_no_failure_no_report(see, told, pipe):
    assert failure_report(see(told("train@local")), pipe) == []


def test_rulers_fit_the_terminal(see, told):
    status = see(told("train[name=" + "x" * 60 + "]@local", state="FAILED", error=ERROR))

    lines = texts(failure_report(status, screen(40)))

    assert (len(lines[0]), len(lines[1])) == (40, 40)


def test_the_summary_counts_like_pytest(see, told):
    status = see(
        told("a@local"),
        told("b@local"),
        told("c@local", state="FAILED"),
        told("d@local", state="SKIPPED"),
    )

    assert texts(closing_lines(status))[0] == "1 failed, 2 passed, 1 skipped in 1m03s"


def test_the_closing_commands_fit_what_happened(see, told):
    failed = see(told("a@local", state="FAILED"), told("b@local", result=1))

    commands = [
        line.split("#")[0].strip() for line in texts(closing_lines(failed, after="run"))[2:]
    ]

    assert commands == [
        f"nemorun logs {failed.id}",
        f"nemorun status {failed.id}",
        f"nemorun results {failed.id}",
        f"nemorun rerun {failed.id} --failed",
    ]


def test_what_still_runs_can_be_cancelled(see, told):
    running = see(told("a@local", state="RUNNING"))

    assert any(f"nemorun cancel {running.id} " in line for line in texts(closing_lines(running)))


@pytest.mark.parametrize(
    ("states", "code"),
    [
        (["SUCCEEDED", "SUCCEEDED"], ExitCode.OK),
        (["SUCCEEDED", "FAILED"], ExitCode.JOB_FAILED),
        (["SUCCEEDED", "CANCELLED"], ExitCode.JOB_FAILED),
        (["SUCCEEDED", "SKIPPED"], ExitCode.JOB_FAILED),
    ],
    ids=str,
)
def test_only_all_succeeded_is_success(see, told, states, code):
    jobs = [told(f"job{n}@local", state=state) for n, state in enumerate(states)]

    assert verdict(see(*jobs)) is code


def test_progress_without_a_terminal_is_a_line_a_change(see, told):
    stream = io.StringIO()
    status = see(told("a@local", state="RUNNING"), told("b@local", state="PLANNED"))
    a, b = status.jobs
    update = plain_progress(Channel(stream, color="no", env={}))

    update(status)
    update(status)
    update(replace(status, jobs=(replace(a, state=State.FAILED, exit_code=1), b)))
    update(replace(status, jobs=(replace(a, state=State.RUNNING, attempt=2), b)))

    assert stream.getvalue().splitlines() == [
        "a@local RUNNING",
        "a@local FAILED (exit code 1)",
        "a@local RUNNING attempt 2",
    ]


def test_the_live_picture_shows_what_runs_with_its_last_line(see, told, started):
    status = see(
        told("done@local"),
        told("train@local", state="RUNNING", log="step 1\nstep 2\r  step 3 \x1b[32mok\x1b[0m\n"),
    )

    lines = texts(live_lines(status, screen(80), started + timedelta(seconds=90)))

    assert lines == [
        f"{status.id}  1 running, 1 passed  1m30s",
        "JOB          STATE        TIME   LAST LINE",
        "train@local  ▸ RUNNING    1m30s  step 3 ok",
        "done@local   ✓ SUCCEEDED  1m03s",
    ]


def test_the_live_picture_of_many_jobs_fits_the_screen(see, told, started):
    waiting = [told(f"wait{n}@local", state="PLANNED") for n in range(40)]
    status = see(*waiting, told("bad@local", state="FAILED"), told("run@local", state="RUNNING"))

    lines = texts(live_lines(status, screen(80), started))

    assert len(lines) < 24  # a screen that does not say has 24 lines
    assert lines[2].startswith("run@local")
    assert lines[3].startswith("bad@local")
    assert lines[-1] == "+ 22 more"


@pytest.mark.parametrize("width", [20, 40, 60])
def test_no_line_of_the_live_picture_is_wider_than_the_screen(see, told, started, width):
    status = see(told("train[name=something-long]@local", state="RUNNING", log="x" * 300))

    assert max(map(len, texts(live_lines(status, screen(width), started)))) <= width


def test_on_a_narrow_terminal_the_commands_to_copy_stand_alone(see, told):
    status = see(told("a@local"))

    lines = texts(closing_lines(status, columns=50))[2:]

    assert lines
    assert all("#" not in line for line in lines)
    assert any("#" in line for line in texts(closing_lines(status, columns=100))[2:])
