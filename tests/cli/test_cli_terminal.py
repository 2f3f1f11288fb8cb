"""Real terminals: colours, widths, the live table."""

from __future__ import annotations

import re

import pytest

from nemorun_discover.cli.cells import cell_width

SGR = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture
def put(shelf, told):
    return shelf.put(
        told("train[lr=0.0001,seed=1]@local", result={"accuracy": 0.97, "loss": 0.1234}),
        told("train[lr=0.0001,seed=2]@local", state="FAILED", reason="EXIT_CODE", exit_code=3),
    )


@pytest.mark.usefixtures("put")
def test_a_terminal_gets_colours(nemorun):
    answer = nemorun.on_terminal("status")

    assert "\x1b[32m✓ SUCCEEDED\x1b[0m" in answer.out
    assert "\x1b[1;31m✗ FAILED\x1b[0m" in answer.out


@pytest.mark.parametrize(
    ("args", "env"),
    [
        ((), {"NO_COLOR": "1"}),
        (("--color", "no"), {}),
        (("--color=no",), {"FORCE_COLOR": "1"}),
    ],
    ids=["NO_COLOR", "--color no", "--color no over FORCE_COLOR"],
)
@pytest.mark.usefixtures("put")
def test_a_terminal_gets_no_colours_when_they_are_not_wanted(nemorun, args, env):
    assert "\x1b" not in nemorun.on_terminal("status", *args, **env).out


@pytest.mark.usefixtures("put")
def test_a_pipe_gets_colours_when_they_are_forced(nemorun):
    assert "\x1b" not in nemorun("status").out
    assert "\x1b[32m" in nemorun("status", FORCE_COLOR="1").out
    assert "\x1b[32m" in nemorun("status", "--color=yes").out


@pytest.mark.parametrize("columns", [40, 50, 60, 80])
@pytest.mark.usefixtures("put")
def test_no_line_of_a_table_wraps(nemorun, columns):
    out = nemorun.on_terminal("status", columns=columns).out

    table = [line for line in SGR.sub("", out).splitlines() if "@local" in line or "JOB" in line]
    assert len(table) == 3
    assert max(map(cell_width, table)) <= columns


@pytest.mark.usefixtures("put")
def test_columns_leave_a_narrow_terminal_in_order(nemorun):
    heads = {
        columns: SGR.sub("", nemorun.on_terminal("status", columns=columns).out)
        .splitlines()[1]
        .split()
        for columns in (100, 68, 55, 45)
    }

    assert heads == {
        100: ["JOB", "STATE", "TIME", "REASON", "RESULT"],
        68: ["JOB", "STATE", "TIME", "REASON"],
        55: ["JOB", "STATE", "TIME"],
        45: ["JOB", "STATE"],
    }


@pytest.mark.usefixtures("put")
def test_columns_of_the_environment_win_over_the_terminals(nemorun):
    out = SGR.sub("", nemorun.on_terminal("status", columns=100, COLUMNS="45").out)

    assert out.splitlines()[1].split() == ["JOB", "STATE"]


@pytest.mark.usefixtures("put")
def test_a_pipe_gets_whole_lines_whatever_columns_says(nemorun):
    assert "accuracy=0.97 loss=0.1234" in nemorun("status", COLUMNS="40").out


def test_a_live_table_is_drawn_and_gone_when_the_answer_comes(nemorun, workshop):
    workshop.launch(slow="echo working on it; sleep 5")

    out = nemorun.on_terminal("wait").out

    assert "working on it" in out  # the last line of the log, live
    live, _, answer = out.rpartition("\x1b[2K")
    assert "RUNNING" in live
    assert "RUNNING" not in answer
    assert "1 passed in" in answer
    assert "\x1b[?25h" in live  # the cursor is back


def test_a_dumb_terminal_gets_plain_lines(nemorun, workshop):
    workshop.launch(slow="sleep 0.5")

    out = nemorun.on_terminal("wait", TERM="dumb").out

    assert "\x1b" not in out
    assert "slow@local SUCCEEDED" in out.splitlines()


def test_an_error_is_wrapped_between_words(nemorun):
    out = nemorun.on_terminal("statussss-of-something", columns=40, NO_COLOR="1").out

    assert max(map(len, out.splitlines())) <= 40
    assert out.startswith("error: nemorun has no command")


def test_control_characters_reach_a_pipe_and_no_terminal(nemorun, shelf, told):
    nasty = "\x1b]0;title\x07 \x9b31m \u202e"
    experiment = shelf.put(told("train@local", params={"note": nasty}, result={"said": nasty}))

    for args in (("results", "--csv"), ("results", "--json"), ("show", "--json"), ("results",)):
        seen = nemorun.on_terminal(*args, "--color=no").out
        assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(seen), args
    assert nasty in nemorun("results", "--csv", experiment).out
    (row,) = nemorun("results", "--json").json["results"]
    assert (row["params"]["note"], row["result"]["said"]) == (nasty, nasty)
