"""`nemorun show` and `nemorun results`."""

from __future__ import annotations

import csv
import io

from nemorun_discover.model.record import GitState

ID = "20261122-0712-train-x7k2"


def test_show_tells_who_ran_what_of_which_code(nemorun, shelf, told, project):
    shelf.put(told("train@local", attempts=2, exit_code=0))

    answer = nemorun("show")

    facts = {line[:14].strip(): line[16:] for line in answer.lines[1:10]}
    assert answer.lines[0] == f"{ID}  ✓ SUCCEEDED"
    assert facts["command"] == "nemorun run -k train"
    assert facts["started"].endswith("by ada on login-a")
    assert facts["project"] == f"demo in {project}"
    assert facts["git"] == "c0ffee000000 on main, with changes (--diff prints them)"
    assert facts["versions"] == "nemorun 0.1.0, python 3.11.7"
    assert 'kind="local"' in answer.out
    attempts = [line.split() for line in answer.lines if line.startswith("train@local")]
    assert [row[3:5] for row in attempts] == [["1", "0"], ["2", "0"]]


def test_show_promises_a_diff_only_where_there_is_one(nemorun, shelf, told):
    git = {"commit": "c0ffee" * 6, "branch": "main", "dirty": True}
    shelf.put(told("train@local"), git=GitState(**git, untracked=("notes.md",)))

    shown = nemorun("show").out
    assert "c0ffeec0ffee on main, with 1 untracked file\n" in shown


def test_show_has_a_row_for_a_job_that_has_not_begun(nemorun, shelf, told):
    shelf.put(told("train@local", state="PLANNED"))

    assert nemorun("show").lines[-1].split()[:3] == ["train@local", "·", "PLANNED"]


def test_show_prints_the_diff_and_nothing_else(nemorun, shelf, told):
    shelf.put(told("train@local"))

    assert nemorun("show", "--diff").out == "+ a line\n"


def test_the_show_document_holds_the_record_and_every_attempt(nemorun, shelf, told, project):
    shelf.put(
        told("train@local", state="FAILED", signal="SIGKILL", attempts=2),
        rerun_of="20261121-1-a-bbbb",
    )

    document = nemorun("show", "--json").json

    experiment = document["experiment"]
    assert document["schema"] == "nemorun.show/1"
    assert experiment["argv"] == ["nemorun", "run", "-k", "train"]
    assert experiment["git"]["dirty"] is True
    assert experiment["project"] == {
        "root": str(project),
        "name": "demo",
        "config": None,
        "pythonpath": [],
    }
    assert experiment["executors"] == {"local": {"kind": "local", "grace_s": 0.5}}
    assert experiment["rerun_of"] == "20261121-1-a-bbbb"
    attempts = document["jobs"][0]["attempts"]
    assert [(one["number"], one["state"], one["signal"]) for one in attempts] == [
        (1, "FAILED", "SIGKILL"),
        (2, "FAILED", "SIGKILL"),
    ]
    assert attempts[0]["started_at"] == "2026-11-22T07:12:03Z"


def results(shelf, told):
    shelf.put(
        told(
            "train[lr=0.1]@local",
            params={"lr": 0.1, "task": "x, y"},
            result={"acc": 0.123456789, "net": {"size": 3}, "lr": 7},
        ),
        told("train[lr=0.5]@local", state="FAILED", params={"lr": 0.5, "task": None}),
        told("count@local", result=[1, 2]),
    )


def test_results_are_a_table_with_parameters_and_nested_values(nemorun, shelf, told):
    results(shelf, told)

    answer = nemorun("results")

    assert answer.lines[0].split() == [
        "JOB", "STATE", "lr", "param.task", "acc", "net.size", "result.lr", "result",
    ]  # fmt: skip
    assert answer.lines[1].split() == [
        "train[lr=0.1]@local", "✓", "SUCCEEDED", "0.1", "x,", "y", "0.123457", "3", "7",
    ]  # fmt: skip
    assert answer.lines[3].endswith("[1, 2]")


def test_results_as_csv_lose_no_digit_and_no_job(nemorun, shelf, told):
    results(shelf, told)

    rows = list(csv.DictReader(io.StringIO(nemorun("results", "--csv").out)))

    assert rows[0] == {
        "job": "train[lr=0.1]@local",
        "task": "train",
        "executor": "local",
        "state": "SUCCEEDED",
        "lr": "0.1",
        "param.task": "x, y",
        "acc": "0.123456789",
        "net.size": "3",
        "result.lr": "7",
        "result": "",
    }
    assert [row["job"] for row in rows[1:]] == ["train[lr=0.5]@local", "count@local"]
    assert rows[2]["result"] == "[1, 2]"


def test_results_as_json_are_as_the_task_returned_them(nemorun, shelf, told):
    results(shelf, told)

    document = nemorun("results", "--json").json

    assert document["schema"] == "nemorun.results/1"
    assert document["experiment"]["id"] == ID
    assert [one["result"] for one in document["results"]] == [
        {"acc": 0.123456789, "net": {"size": 3}, "lr": 7},
        None,
        [1, 2],
    ]
    assert list(document["results"][0]) == [
        "id", "task", "params", "executor", "state", "result", "outputs",
    ]  # fmt: skip


def test_csv_and_json_exclude_each_other(nemorun, shelf, told):
    results(shelf, told)

    answer = nemorun("results", "--csv", "--json")

    assert answer.code == 4
    assert "--csv and --json exclude each other" in answer.err


def test_results_that_are_not_there_are_said_on_stderr(nemorun, shelf, told):
    shelf.put(told("train@local"))

    assert nemorun("results").err == f"no job of {ID} has returned a result\n"
