"""`nemorun logs`."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest

ID = "20261122-0712-train-x7k2"


@pytest.fixture
def two_jobs(shelf, told):
    return shelf.put(
        told("train[lr=0.1]@local", params={"lr": 0.1}, log="a1\na2\na3\n"),
        told("train[lr=0.5]@local", params={"lr": 0.5}, log="b1\nb2"),
    )


def raw(nemorun, *args):
    """Both streams as bytes."""
    process = nemorun.start(*args)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def test_the_log_of_one_job_is_printed_byte_for_byte(nemorun, shelf, told):
    log = "färbe \x1b[32mgrün\x1b[0m\r50%\rdone \udcff\x00 no newline"
    shelf.put(told("train@local", log=log))

    code, out, err = raw(nemorun, "logs")

    assert (code, out, err) == (0, log.encode(errors="surrogateescape"), b"")


@pytest.mark.usefixtures("two_jobs")
def test_the_logs_of_several_jobs_have_the_job_before_each_line(nemorun):
    assert nemorun("logs").lines == [
        "train[lr=0.1]@local | a1",
        "train[lr=0.1]@local | a2",
        "train[lr=0.1]@local | a3",
        "train[lr=0.5]@local | b1",
        "train[lr=0.5]@local | b2",
    ]


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        ((ID, "train[lr=0.1]@local"), "a1\na2\na3\n"),
        (("train[lr=0.1]@local",), "a1\na2\na3\n"),
        (("train[lr=0.1]",), "a1\na2\na3\n"),
        (("x7k2", "-k", "lr=0.5"), "b1\nb2"),
        (("*0.5]@local", "-n", "1"), "b2"),
    ],
    ids=["experiment and job", "job of the last", "without its executor", "-k", "glob"],
)
@pytest.mark.usefixtures("two_jobs")
def test_a_job_is_chosen(nemorun, args, expected):
    assert nemorun("logs", *args).out == expected


@pytest.mark.usefixtures("two_jobs")
def test_a_task_name_means_all_its_jobs(nemorun):
    assert nemorun("logs", "train", "-n1").lines == [
        "train[lr=0.1]@local | a3",
        "train[lr=0.5]@local | b2",
    ]


@pytest.mark.usefixtures("two_jobs")
def test_a_word_that_is_neither_experiment_nor_job_exits_4(nemorun):
    answer = nemorun("logs", "nosuch")

    assert answer.code == 4
    assert "no job of the last experiment is called that" in answer.err


@pytest.mark.usefixtures("two_jobs")
def test_a_job_that_is_not_there_names_the_nearest(nemorun):
    answer = nemorun("logs", ID, "trian")

    assert answer.code == 4
    assert answer.err == f"error: {ID} has no job 'trian'\nhint: did you mean train?\n"


@pytest.mark.usefixtures("two_jobs")
def test_an_expression_that_selects_no_job_exits_5(nemorun):
    answer = nemorun("logs", "-k", "lr=9")

    assert answer.code == 5
    assert "matches -k 'lr=9'" in answer.err


@pytest.mark.usefixtures("two_jobs")
def test_json_is_one_object_a_line(nemorun):
    answer = nemorun("logs", "train[lr=0.1]", "-n", "1", "--json")

    assert [json.loads(line) for line in answer.lines] == [
        {"schema": "nemorun.log/1", "job": "train[lr=0.1]@local", "attempt": 1, "line": "a3"}
    ]


def test_an_earlier_attempt_is_printed_when_it_is_asked_for(nemorun, shelf, told):
    shelf.put(told("train@local", log="last\n", attempts=2))
    shelf.log_of(ID, "train@local", attempt=1).write_text("first\n")

    assert nemorun("logs").out == "last\n"
    assert nemorun("logs", "--attempt", "1").out == "first\n"


def test_an_attempt_that_never_was_exits_4(nemorun, shelf, told):
    shelf.put(told("train@local", log="last\n", attempts=2))

    answer = nemorun("logs", "--attempt", "3")

    assert answer.code == 4
    assert answer.err == "error: there is no attempt 3 of train@local\nhint: the last one is 2\n"


def test_a_job_that_has_not_begun_says_so(nemorun, shelf, told):
    shelf.put(told("train@local", state="PLANNED"))

    answer = nemorun("logs")

    assert (answer.code, answer.out) == (0, "")
    assert answer.err == "train@local is PLANNED and has printed nothing\n"


@pytest.mark.parametrize("jobs", [1, 2], ids=["alone", "merged"])
def test_ten_megabytes_in_one_line_arrive_whole(nemorun, shelf, told, jobs):
    line = "0123456789" * 1024 * 1024
    shelf.put(*(told(f"job{n}@local", log=line + "\nend\n") for n in range(jobs)))

    answer = nemorun("logs")

    assert answer.out.count("0123456789") == jobs * 1024 * 1024
    assert answer.lines[-1].endswith("end")


def test_following_prints_each_byte_once_and_ends_with_the_job(nemorun, workshop):
    workshop.launch(slow="for i in 1 2 3 4 5; do echo line $i; sleep 0.2; done; printf end")

    answer = nemorun("logs", "-f")

    assert answer.code == 0
    assert answer.out == "line 1\nline 2\nline 3\nline 4\nline 5\nend"


def test_following_several_jobs_merges_whole_lines(nemorun, workshop):
    script = "for i in 1 2 3; do printf begin; sleep 0.1; echo ' and end'; done; printf bye"
    workshop.launch(one=script, two=script)

    answer = nemorun("logs", "-f")

    for name in ("one", "two"):
        lines = [line for line in answer.lines if line.startswith(f"{name}@local | ")]
        assert lines == [f"{name}@local | begin and end"] * 3 + [f"{name}@local | bye"]
    assert len(answer.lines) == 8


def test_following_does_not_tear_a_character(nemorun, workshop):
    workshop.launch(
        torn=r"printf 'gr\xc3'; sleep 0.4; printf '\xbcn \xe6\xbc'; sleep 0.4; printf '\xa2\n'"
    )

    answer = nemorun("logs", "-f", "--json")

    assert [json.loads(line)["line"] for line in answer.lines] == ["grün 漢"]


def test_following_ends_when_the_reader_leaves(nemorun, workshop):
    workshop.launch(endless="while true; do echo tick; sleep 0.05; done")

    done = subprocess.run(
        f"{sys.executable} -P -m nemorun_discover.cli.main logs -f | head -n 2",
        shell=True,
        cwd=nemorun.directory,
        env=nemorun.environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (done.stdout, done.stderr) == ("tick\ntick\n", "")


def test_following_the_last_lines_begins_there(nemorun, workshop, project):
    workshop.launch(
        job="for i in 1 2 3; do echo old $i; done; touch written;"
        " until [ -e go ]; do sleep 0.05; done; echo new"
    )
    while not (project / "written").exists():
        time.sleep(0.02)

    process = nemorun.start("logs", "-f", "-n", "1")
    first = process.stdout.readline()
    (project / "go").touch()
    rest, _ = process.communicate(timeout=60)

    assert (first, rest) == (b"old 3\n", b"new\n")


@pytest.mark.usefixtures("two_jobs")
def test_grep_picks_lines_of_one_job_and_of_several(nemorun):
    assert nemorun("logs", "--grep", "[12]$", "train[lr=0.1]").out == "a1\na2\n"
    assert nemorun("logs", "--grep", "2").lines == [
        "train[lr=0.1]@local | a2",
        "train[lr=0.5]@local | b2",
    ]


def test_a_rank_picks_the_lines_that_begin_with_it(nemorun, shelf, told):
    shelf.put(told("train@local", log="0: a\n1: b\n0: c\n"))

    assert nemorun("logs", "--rank", "0").out == "0: a\n0: c\n"


@pytest.mark.usefixtures("two_jobs")
def test_a_grep_that_is_no_expression_exits_4_with_a_sentence(nemorun):
    answer = nemorun("logs", "--grep", "a(")

    assert answer.code == 4
    assert "--grep 'a(' is no regular expression" in answer.err
