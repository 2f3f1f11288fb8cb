"""Logs read by byte offset: last lines, new bytes, several attempts, lines of any length."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nemorun_discover.errors import StoreError
from nemorun_discover.lifecycle.logs import (
    LogPiece,
    last_lines,
    offset_of_last_lines,
    stream_logs,
    whole_lines,
)
from nemorun_discover.lifecycle.observe import observe
from nemorun_discover.model.state import State

JOB = "train@local"


@pytest.fixture
def log(tmp_path):
    return tmp_path / "log"


def status_of(shelf, told, *, attempts=1, state="SUCCEEDED", text="one\n"):
    job = told(JOB, state=state, attempts=attempts, log=text)
    return observe(shelf.home, shelf.put(job))


def text_of(pieces):
    return b"".join(piece.text for piece in pieces).decode()


@pytest.mark.parametrize(
    ("content", "count", "expected"),
    [
        (b"1\n2\n3\n", 1, b"3\n"),
        (b"1\n2\n3\n", 2, b"2\n3\n"),
        (b"1\n2\n3", 2, b"2\n3"),
        (b"1\n2\n3\n", 3, b"1\n2\n3\n"),
        (b"1\n2\n3\n", 9, b"1\n2\n3\n"),
        (b"1\n2\n3\n", 0, b""),
        (b"", 3, b""),
        (b"\n", 1, b"\n"),
        (b"\n\n\n", 2, b"\n\n"),
        (b"x" * 200_000 + b"\nend", 1, b"end"),
        (b"a\n" + b"x" * 200_000, 1, b"x" * 200_000),
        (b"a\n" + b"x" * 200_000 + b"\nend\n", 2, b"x" * 200_000 + b"\nend\n"),
    ],
    ids=range(12),
)
def test_the_last_lines_begin_at_this_offset(log, content, count, expected):
    log.write_bytes(content)

    assert content[offset_of_last_lines(log, count) :] == expected


def test_the_last_lines_of_a_progress_bar_are_its_last_state(log):
    log.write_bytes(b"start\r\n10%\r20%\r30%\n\n\xff bad byte\nend")

    assert last_lines(log, 3) == ["30%", "\ufffd bad byte", "end"]
    assert last_lines(log.with_name("none"), 3) == []


def test_a_log_is_streamed_once_and_ends(shelf, told):
    status = status_of(shelf, told, text="one\ntwo\n")

    pieces = list(stream_logs(lambda: status, [JOB]))

    assert text_of(pieces) == "one\ntwo\n"
    assert [piece.is_last for piece in pieces] == [False, True]


def test_following_gives_only_what_is_new(shelf, told):
    running = status_of(shelf, told, state="RUNNING", text="one\n")
    done = replace(running, jobs=(replace(running.jobs[0], state=State.SUCCEEDED),))
    log = shelf.log_of(running.id, JOB)
    seen = [running, running, done]

    def grow(_seconds):
        with log.open("ab") as file:
            file.write(b"more\n")

    pieces = list(stream_logs(lambda: seen.pop(0), [JOB], follow=True, sleep=grow))

    assert [piece.text for piece in pieces] == [b"one\n", b"more\n", b"more\n", b""]


def test_following_goes_on_with_the_next_attempt(shelf, told):
    twice = status_of(shelf, told, attempts=2)
    shelf.log_of(twice.id, JOB, attempt=1).write_text("first\n")
    shelf.log_of(twice.id, JOB, attempt=2).write_text("second\n")
    job = twice.jobs[0]
    once = replace(
        twice, jobs=(replace(job, state=State.RUNNING, attempt=1, attempts=job.attempts[:1]),)
    )
    seen = [once, twice]

    pieces = list(
        stream_logs(lambda: seen.pop(0), [JOB], lines=0, follow=True, sleep=lambda _seconds: None)
    )

    # -n cuts the log that is there at the start, never one that begins later
    assert [(piece.attempt, piece.text) for piece in pieces if piece.text] == [(2, b"second\n")]


def test_a_log_that_appears_later_is_read_from_its_first_line(shelf, told):
    running = status_of(shelf, told, state="RUNNING", text="")
    done = replace(running, jobs=(replace(running.jobs[0], state=State.SUCCEEDED),))
    log = shelf.log_of(running.id, JOB)
    log.unlink()
    seen = [running, done]

    pieces = list(
        stream_logs(
            lambda: seen.pop(0),
            [JOB],
            lines=0,
            follow=True,
            sleep=lambda _seconds: log.write_text("early\n"),
        )
    )

    assert text_of(pieces) == "early\n"


def test_a_log_that_cannot_be_read_is_an_error_with_its_path(shelf, told):
    status = status_of(shelf, told)
    log = shelf.log_of(status.id, JOB)
    log.unlink()
    log.mkdir()

    with pytest.raises(StoreError, match="cannot be read"):
        list(stream_logs(lambda: status, [JOB]))


def piece(text, *, job="a", is_last=False):
    return LogPiece(job=job, attempt=1, text=text, is_last=is_last)


def test_lines_are_put_together_for_each_job_by_itself():
    pieces = [
        piece(b"be"),
        piece(b"other\n", job="b"),
        piece(b"gin\r\nnext"),
        piece(b"", is_last=True),
    ]

    lines = [(line.job, line.text) for line in whole_lines(pieces)]

    assert lines == [("b", b"other"), ("a", b"begin"), ("a", b"next")]


def test_a_line_without_its_end_comes_when_there_is_no_more():
    assert [line.text for line in whole_lines([piece(b"open")])] == [b"open"]


def test_a_line_that_never_ends_comes_in_pieces_of_whole_characters():
    text = ("ü" * 3 + "漢" * 9).encode()

    lines = [line.text for line in whole_lines([piece(text)], longest=8)]

    assert b"".join(lines) == text
    assert max(map(len, lines)) <= 8
    assert all(line.decode() for line in lines)


def test_a_line_as_long_as_a_piece_leaves_no_empty_line_behind():
    pieces = [piece(b"12345678"), piece(b"\n\nend\n")]

    assert [line.text for line in whole_lines(pieces, longest=8)] == [b"12345678", b"", b"end"]


def test_bytes_that_are_no_text_are_cut_somewhere():
    text = b"\x80" * 100

    assert b"".join(line.text for line in whole_lines([piece(text)], longest=8)) == text
