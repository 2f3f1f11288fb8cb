"""`nemorun status`."""

from __future__ import annotations

import json

import pytest

ID = "20261122-0712-train-x7k2"


def test_status_shows_the_last_experiment(nemorun, shelf, told):
    shelf.put(told("old@local"), id="20261122-0710-old-aaaa")
    shelf.put(
        told("train@local", result={"acc": 0.5}),
        told("evaluate@local", state="FAILED", reason="EXIT_CODE", exit_code=2),
    )

    answer = nemorun("status")

    assert answer.code == 0
    assert answer.lines == [
        f"{ID}  ✗ FAILED",
        "JOB             STATE        TIME   REASON       RESULT",
        "train@local     ✓ SUCCEEDED  1m03s               acc=0.5",
        "evaluate@local  ✗ FAILED     1m03s  exit code 2",
        "1 failed, 1 passed in 1m03s",
    ]
    assert answer.err.splitlines() == [
        f"  nemorun logs {ID}            # what the jobs printed",
        f"  nemorun results {ID}         # what they returned, as a table",
        f"  nemorun rerun {ID} --failed  # try those again",
    ]


@pytest.mark.parametrize("reference", [ID, "20261122-0712", "x7k2", "@last"])
def test_an_experiment_is_found_by_any_part_that_is_unique(nemorun, shelf, told, reference):
    shelf.put(told("old@local"), id="20261122-0710-old-aaaa")
    shelf.put(told("train@local"))

    assert nemorun("status", reference).lines[0].startswith(ID)


def test_an_experiment_that_is_not_there_exits_4(nemorun, shelf, told):
    shelf.put(told("train@local"))

    answer = nemorun("status", "zzzz")

    assert (answer.code, answer.out) == (4, "")
    assert "no experiment begins or ends with 'zzzz'" in answer.err


@pytest.mark.parametrize(
    ("state", "code"),
    [("SUCCEEDED", 0), ("FAILED", 100), ("RUNNING", 101), ("CANCELLED", 103)],
)
def test_the_exit_code_is_the_state_where_it_is_asked_for(nemorun, shelf, told, state, code):
    shelf.put(told("train@local", state=state))

    assert nemorun("status").code == 0
    assert nemorun("status", "--exit-code").code == code


def test_the_exit_code_of_an_experiment_that_is_not_there_is_102(nemorun, shelf, told):
    shelf.put(told("train@local"))

    answer = nemorun("status", "zzzz", "--exit-code", "--json")

    assert answer.code == 102
    assert answer.json["error"]["exit_code"] == 102
    assert answer.err.startswith("error: no experiment")


def test_the_status_document_has_every_field_of_the_contract(nemorun, shelf, told):
    shelf.put(
        told(
            "train[lr=0.1]@local",
            state="FAILED",
            params={"lr": 0.1},
            reason="SIGNAL",
            signal="SIGKILL",
            attempts=2,
        ),
        told("evaluate@local", state="SKIPPED", reason="UPSTREAM_FAILED"),
    )

    document = nemorun("status", "--json").json

    log = str(shelf.log_of(ID, "train[lr=0.1]@local", attempt=2))
    outputs = str(shelf.home.layout.experiment(ID).job("train-lr=0.1@local").outputs)
    assert document["schema"] == "nemorun.status/1"
    assert list(document) == ["schema", "as_of", "experiment", "jobs", "contacts", "trouble"]
    assert document["contacts"] == {}
    assert document["experiment"] == {
        "id": ID,
        "title": "train",
        "state": "FAILED",
        "created_at": "2026-11-22T07:12:03Z",
        "ended_at": "2026-11-22T07:13:06Z",
    }
    assert document["jobs"][0] == {
        "id": "train[lr=0.1]@local",
        "task": "train",
        "params": {"lr": 0.1},
        "executor": "local",
        "state": "FAILED",
        "reason": "SIGNAL",
        "message": None,
        "raw_state": None,
        "exit_code": None,
        "signal": "SIGKILL",
        "attempt": 2,
        "native_id": "412",
        "handle": None,
        "submitted_at": "2026-11-22T07:12:03Z",
        "started_at": "2026-11-22T07:12:03Z",
        "ended_at": "2026-11-22T07:13:06Z",
        "as_of": "2026-11-22T07:13:06Z",
        "waits_for": None,
        "expected_start_at": None,
        "log": log,
        "outputs": outputs,
        "result": None,
    }
    assert document["jobs"][1]["attempt"] is None
    assert document["jobs"][1]["started_at"] is None


def test_results_cannot_colour_or_move_what_stands_around_them(nemorun, shelf, told):
    shelf.put(told("train@local", result={"text": "a\x1b[2J\nb\x07"}))

    answer = nemorun("status")

    assert "text=a b\\x07" in answer.out
    assert "\x1b" not in answer.out


def test_verbose_adds_attempt_native_id_and_the_failures(nemorun, shelf, told):
    shelf.put(told("train@local", state="FAILED", log="went wrong\n", exit_code=1, attempts=2))

    answer = nemorun("-v", "status")

    assert answer.lines[1].split() == ["JOB", "STATE", "TIME", "REASON", "ATTEMPT", "NATIVE", "ID"]
    assert "412" in answer.lines[2]
    assert "  went wrong" in answer.lines


def test_a_watched_experiment_is_followed_to_its_end(nemorun, workshop):
    experiment = workshop.launch(first="true", second="sleep 0.5; exit 3")

    answer = nemorun("status", "--watch", "--exit-code")

    assert answer.code == 100
    assert answer.lines[0] == f"{experiment}  ✗ FAILED"
    assert "second@local FAILED (exit code 3)" in answer.err.splitlines()


def test_a_watched_experiment_is_a_document_a_line(nemorun, workshop):
    workshop.launch(only="sleep 4")

    answer = nemorun("status", "--watch", "--json")

    states = [json.loads(line)["experiment"]["state"] for line in answer.lines]
    assert states[-1] == "SUCCEEDED"
    assert len(states) > 1


def test_a_record_of_a_newer_version_says_so(nemorun, shelf, told):
    shelf.put(told("train@local"))
    path = shelf.home.layout.experiment(ID).record
    path.write_text(path.read_text().replace("nemorun.record/1", "nemorun.record/2"))

    answer = nemorun("status")

    assert answer.code == 4
    assert "written by a newer nemorun" in answer.err
    assert "hint: pip install --upgrade nemorun-discover" in answer.err


def test_half_a_line_in_the_journal_does_not_hide_the_rest(nemorun, shelf, told):
    shelf.put(told("train@local"))
    with shelf.home.layout.experiment(ID).events.open("ab") as file:
        file.write(b'{"at":"2026-11-22T07:12:03Z","type":"sta')

    assert nemorun("status", "--exit-code").code == 0


def test_an_experiment_that_cannot_be_carried_on_is_still_shown(nemorun, shelf, told):
    shelf.put(told("train@local", state="RUNNING"))
    shelf.close()  # its driver has died
    lock = shelf.home.layout.experiment(ID).driver_lock
    lock.unlink()
    lock.mkdir()

    answer = nemorun("status")

    assert answer.code == 0
    assert "▸ RUNNING" in answer.out
    assert f"note: {ID} cannot be carried on: " in answer.err
