"""events.jsonl: appended by several at once, torn by a crash, cut back by a full disk."""

from __future__ import annotations

import fcntl
import json
import resource
import signal
import subprocess
import sys
import threading
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from nemorun_discover.errors import StoreError
from nemorun_discover.model.event import Event, EventType
from nemorun_discover.model.state import State
from nemorun_discover.store.journal import append_events, read_events

AT = datetime(2026, 11, 22, 7, 12, 3, 123456, tzinfo=UTC)
WHOLE = Event(
    at=AT,
    type=EventType.ATTEMPT,
    job="train[lr=0.1]@local",
    attempt=2,
    state=State.FAILED,
    reason="SIGNAL",
    raw_state="CANCELLED by 1000",
    native_id="42",
    handle="nemorun_local://nemorun/x:y",
    host="node-1",
    exit_code=0,
    signal="SIGKILL",
    started_at=AT,
    ended_at=AT + timedelta(seconds=1),
    value={"loss": [0.5, None, "é🙂\n", 2**70]},
    message='a "sentence"',
)


@pytest.fixture
def journal(tmp_path):
    return tmp_path / "events.jsonl"


def note(text="x"):
    return Event(at=AT, type=EventType.NOTE, message=text)


def messages(path):
    return [event.message for event in read_events(path)[0]]


def test_every_field_comes_back_as_it_was(journal):
    assert all(getattr(WHOLE, field.name) is not None for field in fields(Event))

    append_events(journal, [WHOLE])

    assert read_events(journal)[0] == [WHOLE]


@pytest.mark.parametrize("type_", list(EventType), ids=str)
def test_every_type_of_event_comes_back(journal, type_):
    append_events(journal, [replace(WHOLE, type=type_)])

    assert read_events(journal)[0][0].type is type_


def test_what_is_unknown_is_not_written(journal):
    append_events(journal, [note()])

    assert set(json.loads(journal.read_text())) == {"at", "type", "message"}


def test_a_time_of_another_zone_is_the_same_moment(journal):
    there = AT.astimezone(timezone(timedelta(hours=9)))

    append_events(journal, [replace(note(), at=there)])

    assert read_events(journal)[0][0].at == AT


def test_no_event_appends_nothing(journal):
    append_events(journal, [])

    assert journal.read_bytes() == b""


def test_a_journal_that_is_not_there_is_empty(journal):
    assert read_events(journal) == ([], 0)


def test_a_journal_is_read_on_from_where_one_was(journal):
    append_events(journal, [note("a")])
    _, offset = read_events(journal)
    append_events(journal, [note("b"), note("c")])

    events, end = read_events(journal, offset)

    assert [event.message for event in events] == ["b", "c"]
    assert end == journal.stat().st_size
    assert read_events(journal, end) == ([], end)


def test_a_last_line_that_is_still_being_written_is_left_for_later(journal):
    append_events(journal, [note("a"), note("b")])
    whole = journal.read_bytes()
    journal.write_bytes(whole[:-5])

    events, offset = read_events(journal)
    journal.write_bytes(whole)

    assert [event.message for event in events] == ["a"]
    assert [event.message for event in read_events(journal, offset)[0]] == ["b"]


def test_a_line_torn_by_a_crash_spoils_only_itself(journal):
    append_events(journal, [note("a")])
    with journal.open("ab") as file:
        file.write(b'{"at": "2026-11-22T07:12:03Z", "type": "no')

    append_events(journal, [note("b")])
    append_events(journal, [note("c")])

    assert messages(journal) == ["a", "b", "c"]


@pytest.mark.parametrize(
    "line",
    [
        b'{"at": "2026-11-22T07:12:03Z", "type": "of next year", "message": "x"}',
        b'{"type": "note"}',
        b"[]",
        b"null",
        b"",
        b"\x00\x00\x00",
        b"\xff\xfe",
        b'{"at": "yesterday", "type": "note"}',
    ],
    ids=["newer type", "no time", "list", "null", "empty", "zeros", "bytes", "bad time"],
)
def test_a_line_that_is_no_event_is_passed_over(journal, line):
    append_events(journal, [note("a")])
    with journal.open("ab") as file:
        file.write(line + b"\n")
    append_events(journal, [note("b")])

    assert messages(journal) == ["a", "b"]


def test_a_field_of_a_newer_version_is_passed_over(journal):
    journal.write_text('{"at": "2026-11-22T07:12:03Z", "type": "note", "message": "m", "new": 1}\n')

    assert messages(journal) == ["m"]


def test_text_that_is_no_unicode_is_written_with_question_marks(journal):
    append_events(journal, [note("p\udcff"), note("next")])

    assert messages(journal) == ["p?", "next"]


def test_two_processes_append_at_once_and_every_line_is_whole(journal):
    program = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from nemorun_discover.model.event import Event, EventType
from nemorun_discover.store.journal import append_events
for number in range(500):
    message = f"{sys.argv[2]} {number} " + "x" * number
    append_events(Path(sys.argv[1]), [Event(at=datetime.now(UTC), type=EventType.NOTE, message=message)])
"""
    processes = [
        subprocess.Popen([sys.executable, "-c", program, str(journal), name]) for name in "ab"
    ]

    codes = [process.wait(60) for process in processes]

    assert codes == [0, 0]
    assert len(journal.read_bytes().splitlines()) == 1000
    seen = [text.split(" ") for text in messages(journal)]
    for name in "ab":
        assert [int(number) for who, number, _ in seen if who == name] == list(range(500))
    assert all(len(filler) == int(number) for _, number, filler in seen)


def test_who_appends_waits_for_who_is_appending(journal):
    append_events(journal, [note("a")])
    with journal.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # as one that is in the middle of a write
        thread = threading.Thread(target=append_events, args=(journal, [note("b")]))
        thread.start()
        thread.join(0.3)
        meanwhile = messages(journal)

    thread.join(30)

    assert meanwhile == ["a"]
    assert messages(journal) == ["a", "b"]


def test_a_full_disk_leaves_the_journal_as_it_was(disk, fill_up):
    journal = disk / "events.jsonl"
    append_events(journal, [note("a")])
    before = journal.read_bytes()
    fill_up(disk)

    with pytest.raises(StoreError, match=r"events.jsonl: cannot be written \(No space left"):
        append_events(journal, [note("x" * 100_000)])

    assert journal.read_bytes() == before
    (disk / "filler").unlink()
    append_events(journal, [note("b")])
    assert messages(journal) == ["a", "b"]


def test_a_write_that_stops_half_way_is_taken_back(journal):
    append_events(journal, [note("a")])
    before = journal.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 50, hard))

    try:
        with pytest.raises(StoreError, match="File too large"):
            append_events(journal, [note("x" * 1000)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, ignored)

    assert journal.read_bytes() == before


def test_a_journal_that_may_not_be_written_says_so(journal, permissions_hold):
    append_events(journal, [note("a")])
    journal.chmod(0o400)

    with pytest.raises(StoreError, match=r"cannot be written \(Permission denied\)"):
        append_events(journal, [note("b")])

    assert messages(journal) == ["a"]


def test_a_journal_that_may_not_be_read_says_so(journal, permissions_hold):
    append_events(journal, [note("a")])
    journal.chmod(0)

    with pytest.raises(StoreError, match=r"cannot be read \(Permission denied\)"):
        read_events(journal)


def test_a_journal_is_its_owners_only(journal):
    append_events(journal, [note()])

    assert oct(journal.stat().st_mode & 0o777) == "0o600"


def test_no_descriptor_stays_open(journal):
    before = len(list(Path("/proc/self/fd").iterdir()))

    append_events(journal, [note()])
    read_events(journal)

    assert len(list(Path("/proc/self/fd").iterdir())) == before
