"""`nemorun experiments`."""

from __future__ import annotations

import os


def test_experiments_are_listed_newest_first(nemorun, shelf, told):
    shelf.put(told("a@local"), id="20261121-0000-old-aaaa", title="old")
    shelf.put(told("a@local"), told("b@local", state="FAILED"), id="20261122-0000-new-bbbb")

    answer = nemorun("experiments")

    assert answer.lines[0].split() == ["ID", "STATE", "TITLE", "AGE", "JOBS"]
    assert [line.split()[:4] for line in answer.lines[1:]] == [
        ["20261122-0000-new-bbbb", "✗", "FAILED", "train"],
        ["20261121-0000-old-aaaa", "✓", "SUCCEEDED", "old"],
    ]
    assert answer.lines[1].endswith("1 failed, 1 passed")


def test_twenty_are_listed_and_the_rest_counted(nemorun, shelf, told):
    for n in range(23):
        shelf.put(told("a@local"), id=f"20261122-00{n:02}-many-aaaa")

    answer = nemorun("experiments")

    assert len(answer.lines) == 21
    assert answer.err == "these are the last 20; -n N lists more, --all those of all projects\n"
    assert len(nemorun("experiments", "--all").lines) == 24
    assert len(nemorun("experiments", "-n", "2").lines) == 3


def test_a_record_that_cannot_be_read_is_a_row_and_no_error(nemorun, shelf, told):
    shelf.put(told("a@local"), id="20261122-0000-good-aaaa")
    shelf.put(told("a@local"), id="20261122-0001-newer-bbbb")
    newer = shelf.home.layout.experiment("20261122-0001-newer-bbbb").record
    newer.write_text(newer.read_text().replace("record/1", "record/9"))
    shelf.put(told("a@local"), id="20261122-0002-torn-cccc")
    shelf.home.layout.experiment("20261122-0002-torn-cccc").record.write_text('{"schema":')

    answer = nemorun("experiments")
    rows = nemorun("experiments", "--json").json["experiments"]

    assert answer.code == 0
    assert "✗ UNREADABLE" in answer.lines[1]
    assert "damaged record" in answer.lines[1]
    assert "written by a newer nemorun" in answer.lines[2]
    assert "✓ SUCCEEDED" in answer.lines[3]
    assert [row["error"] is None for row in rows] == [False, False, True]


def test_the_experiments_document_counts_jobs_by_state(nemorun, shelf, told):
    shelf.put(told("a@local"), told("b@local", state="FAILED"), told("c@local"))

    document = nemorun("experiments", "--json").json

    assert document == {
        "schema": "nemorun.experiments/1",
        "experiments": [
            {
                "id": "20261122-0712-train-x7k2",
                "title": "train",
                "state": "FAILED",
                "created_at": "2026-11-22T07:12:03Z",
                "ended_at": "2026-11-22T07:13:06Z",
                "jobs": {"SUCCEEDED": 2, "FAILED": 1},
                "error": None,
            }
        ],
    }


def test_no_experiment_is_said_on_stderr(nemorun):
    answer = nemorun("experiments")

    assert (answer.code, answer.out) == (0, "")
    assert "there is no experiment in" in answer.err


def test_only_the_records_that_are_shown_are_read(nemorun, shelf, told):
    shelf.put(told("a@local"), id="20261122-0001-new-bbbb")
    shelf.put(told("a@local"), id="20261121-0000-old-aaaa")
    record = shelf.home.layout.experiment("20261121-0000-old-aaaa").record
    record.unlink()
    os.mkfifo(record)  # whoever opens it waits for ever

    answer = nemorun("experiments", "-n", "1")

    assert len(answer.lines) == 2
