"""Text, cells, durations and tables: pure functions."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

import pytest

from nemorun_discover.cli import terminal
from nemorun_discover.cli.cells import cell_width, cut, cut_middle
from nemorun_discover.cli.console import Channel
from nemorun_discover.cli.flatten import flatten
from nemorun_discover.cli.moments import age, duration, rfc3339
from nemorun_discover.cli.sanitise import one_line, visible
from nemorun_discover.cli.table import Column, draw_table

NOW = datetime(2026, 11, 22, 7, 12, 3, tzinfo=UTC)


class Screen(io.StringIO):
    """A stream that says it is a terminal."""

    encoding = "utf-8"

    def isatty(self):
        return True


def channel(columns=None, color="no"):
    if columns is None:
        return Channel(io.StringIO(), color=color, env={})
    return Channel(Screen(), color=color, env={"COLUMNS": str(columns), "TERM": "xterm"})


def drawn(columns, width=None):
    return ["".join(text for text, _ in line) for line in draw_table(columns, channel(width))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]0;a title\x07shown", "shown"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b7\x1b(Bsaved", "saved"),
        ("bell\x07", "bell\\x07"),
        ("back\x08", "back\\x08"),
        ("\x9b31mc1", "c1"),
        ("left\u202eright", "left\\u202eright"),
        ("two\nlines", "two\nlines"),
        ("dos\r\nlines", "dos\nlines"),
        ("a\tb", "a       b"),
        ("\x1b", "\\x1b"),
    ],
    ids=repr,
)
def test_nothing_of_a_job_can_command_the_terminal(text, expected):
    assert visible(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\nb", "a b"),
        ("  a   b ", "a b"),
        ("plain text", "plain text"),
        ("a\r\nb\u2028c", "a b c"),
        ("✓ fine", "✓ fine"),
    ],
    ids=repr,
)
def test_a_cell_is_one_line(text, expected):
    assert one_line(text) == expected


@pytest.mark.parametrize(
    ("text", "width"), [("abc", 3), ("漢字", 4), ("e\u0301", 1), ("🚀", 2), ("", 0)], ids=repr
)
def test_a_text_is_as_wide_as_its_cells(text, width):
    assert cell_width(text) == width


@pytest.mark.parametrize(
    ("text", "width", "expected"),
    [("abcdef", 6, "abcdef"), ("abcdefg", 6, "abcde…"), ("漢字漢字", 6, "漢字…"), ("ab", 1, "…")],
    ids=repr,
)
def test_a_cut_text_fits(text, width, expected):
    assert cut(text, width) == expected


def test_a_text_cut_in_the_middle_keeps_both_ends():
    assert cut_middle("train[lr=0.001,seed=3]@slurm_a", 16) == "train[l…@slurm_a"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-1, "0.0s"),
        (0.44, "0.4s"),
        (9.99, "9.9s"),
        (12.7, "12s"),
        (63, "1m03s"),
        (3599.9, "59m59s"),
        (8040, "2h14m"),
        (277200, "3d05h"),
    ],
)
def test_a_duration_is_two_units(seconds, words):
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("ago", "words"),
    [
        (timedelta(seconds=-5), "just now"),
        (timedelta(seconds=59), "just now"),
        (timedelta(minutes=3), "3 min ago"),
        (timedelta(hours=2), "2 h ago"),
        (timedelta(days=1), "1 day ago"),
        (timedelta(days=9), "9 days ago"),
        (timedelta(days=40), "2026-10-13"),
    ],
    ids=str,
)
def test_an_age_is_one_unit(ago, words):
    assert age(NOW - ago, NOW) == words


def test_times_in_json_are_whole_seconds_of_utc():
    moment = datetime.fromisoformat("2026-11-22T08:12:03.999999+01:00")

    assert rfc3339(moment) == "2026-11-22T07:12:03Z"
    assert rfc3339(None) is None


def test_nested_results_become_dotted_names():
    nested = {"a": 1, "b": {"c": 2, "d": {"e": [3]}}, "f": {}}

    assert flatten(nested) == {"a": 1, "b.c": 2, "b.d.e": [3], "f": {}}


def three_columns():
    return [
        Column(heading="JOB", cells=(("train@local", ""), ("evaluate@local", ""))),
        Column(heading="REASON", cells=(("exit code 1", ""), ("", "")), drop=1),
        Column(heading="RESULT", cells=(("a long result", ""), ("", "")), drop=0, narrowest=8),
    ]


def test_a_table_in_a_pipe_is_never_cut():
    column = Column(heading="JOB", cells=(("x" * 500, ""),), drop=0, narrowest=1)

    assert drawn([column])[1] == "x" * 500


def test_a_narrow_table_is_first_narrowed_then_loses_columns():
    heads = {width: drawn(three_columns(), width)[0].split() for width in (80, 38, 36, 28, 20)}

    assert heads == {
        80: ["JOB", "REASON", "RESULT"],
        38: ["JOB", "REASON", "RESULT"],
        36: ["JOB", "REASON"],
        28: ["JOB", "REASON"],
        20: ["JOB"],
    }
    assert drawn(three_columns(), 38)[1] == "train@local     exit code 1  a long r…"


@pytest.mark.parametrize("width", [20, 25, 33, 40, 60])
def test_no_line_of_a_table_is_wider_than_the_terminal(width):
    columns = [
        Column(heading="JOB", cells=(("train[lr=0.1,name=漢字漢字漢字]@slurm_a", ""),)),
        *three_columns()[1:],
    ]
    columns = [Column(heading=one.heading, cells=one.cells[:1], drop=one.drop) for one in columns]

    assert max(map(cell_width, drawn(columns, width))) <= width


def test_a_column_that_says_nothing_is_left_out():
    columns = [*three_columns()[:1], Column(heading="EMPTY", cells=(("", ""), ("", "")))]

    assert drawn(columns)[0] == "JOB"


def test_a_table_without_rows_is_nothing():
    assert drawn([Column(heading="JOB", cells=())]) == []


def test_a_line_has_no_blanks_at_its_end():
    assert drawn(three_columns())[2] == "evaluate@local"


def test_a_cell_cannot_break_its_line():
    assert drawn([Column(heading="JOB", cells=(("a\nb\x1b[2Jc", ""),))]) == ["JOB", "a bc"]


@pytest.mark.parametrize(
    ("option", "env", "on_terminal", "off_terminal"),
    [
        ("auto", {}, True, False),
        ("yes", {"NO_COLOR": "1"}, True, True),
        ("no", {"FORCE_COLOR": "1"}, False, False),
        ("auto", {"NO_COLOR": "1"}, False, False),
        ("auto", {"NO_COLOR": ""}, True, False),
        ("auto", {"FORCE_COLOR": "1"}, True, True),
        ("auto", {"FORCE_COLOR": "0"}, False, False),
        ("auto", {"NO_COLOR": "1", "FORCE_COLOR": "1"}, False, False),
        ("auto", {"TERM": "dumb"}, False, False),
    ],
    ids=str,
)
def test_colour_is_where_it_is_wanted(option, env, on_terminal, off_terminal):
    assert terminal.wants_color(option, Screen(), env) is on_terminal
    assert terminal.wants_color(option, io.StringIO(), env) is off_terminal


def test_styles_are_written_only_in_colour():
    line = (("bad", "bad"), (" plain", ""))

    assert channel(80, color="yes").paint(line) == "\x1b[1;31mbad\x1b[0m plain"
    assert channel(80).paint(line) == "bad plain"


def test_a_long_sentence_is_broken_between_words_only():
    text = "error: /a/very/long/path/that/is/not/broken cannot be read because of that"

    assert terminal.wrap(text, 30).split("\n") == [
        "error:",
        "  /a/very/long/path/that/is/not/broken",
        "  cannot be read because of",
        "  that",
    ]
    assert terminal.wrap(text, None) == text
