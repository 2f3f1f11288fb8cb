"""Jobs of two executors on one real cluster of SkyPilot's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytestmark = pytest.mark.xdist_group("skypilot")


def test_torchrun_spans_both_nodes(story):
    job = story.jobs()["world"]

    assert (job["state"], job["exit_code"]) == ("SUCCEEDED", 0)
    assert job["result"] == {"sum": 3, "size": 2, "gpu": "0"}


def test_the_log_of_several_nodes_says_whose_each_line_is(story):
    log = Path(story.jobs()["world"]["log"]).read_text()

    assert "preparing\n" in log
    assert {line[:4] for line in log.splitlines() if "of 2" in line} == {"[0] ", "[1] "}


def test_a_job_brings_back_its_result_and_its_files(story):
    job = story.jobs()["good"]

    assert (job["state"], job["exit_code"], job["result"]["lr"]) == ("SUCCEEDED", 0, 0.5)
    assert "/sky_workdir/" in job["result"]["where"]
    assert Path(job["outputs"], "model.txt").read_text() == "weights"


def test_variables_and_secrets_arrive_as_they_are(story):
    log = Path(story.jobs()["good"]["log"]).read_text()

    greeting = "a b'\"$HOME ${x}"
    assert log == f"greeting: {greeting} token: s3cret;`id`\nno newline at the end\n"


def test_a_secret_is_in_no_file_of_the_record_but_where_the_job_printed_it(story):
    home = story.home.root
    log = story.jobs()["good"]["log"]
    files = [one for one in home.rglob("*") if one.is_file() and str(one) != log]

    assert [one for one in files if b"s3cret" in one.read_bytes()] == []


def test_a_job_that_fails_does_so_with_its_own_code(story):
    job = story.jobs()["fails"]

    assert (job["state"], job["reason"], job["exit_code"]) == ("FAILED", "EXIT_CODE", 7)
    assert Path(job["log"]).read_text() == "about to fail\n"


def test_the_torchx_command_knows_a_job_by_its_handle(story):
    handle = story.jobs()["fails"]["handle"]

    told = story.command("torchx", "status", handle, check=False).stdout
    log = story.command("torchx", "log", handle).stdout

    assert handle.startswith("nemorun_skypilot://")
    assert "FAILED" in told
    assert log == "fails/0 about to fail\n"


def test_a_job_finds_the_results_and_files_of_those_it_waited_for(story):
    assert story.jobs()["reads"]["result"] == {"lr": 0.5, "model": "weights"}


def test_the_cluster_is_launched_once_and_all_jobs_are_on_it(story):
    ids = {task: job["native_id"] for task, job in story.jobs().items()}

    assert ids["world"] == "story/1"
    assert set(ids.values()) == {f"story/{number}" for number in range(1, 6)}
    assert story.told["clusters"].count("story") == 1


def test_the_record_names_the_cluster(story):
    clusters = json.loads(story.experiment().clusters.read_text())["clusters"]

    assert list(clusters) == ["story"]
    assert clusters["story"]["executor"] == "pair"
    assert clusters["story"]["where"].startswith("Slurm/skyslurm")
    assert clusters["story"]["idle_minutes"] == 10
    notes = [one["message"] for one in story.events() if one["type"] == "note" and "job" not in one]
    assert any("story is up on Slurm/skyslurm" in one for one in notes)


def test_a_driver_that_is_killed_is_followed_by_one_that_starts_nothing_again(story):
    lines = story.told["queue"].splitlines()

    assert sum(" slow-" in f" {line}" for line in lines) == 1


def test_each_byte_of_the_log_is_kept_once_though_the_driver_was_killed(story):
    ticks = Path(story.jobs()["slow"]["log"]).read_text().splitlines()

    assert ticks == [f"tick {number}" for number in range(len(ticks))]
    assert len(ticks) > story.told["log before"].count("tick")


def test_a_job_that_is_cancelled_ends_as_cancelled(story):
    assert story.jobs()["slow"]["state"] == "CANCELLED"


def test_the_cluster_that_we_started_goes_with_the_last_job_that_is_cancelled(story):
    clusters = json.loads(story.experiment().clusters.read_text())["clusters"]

    assert clusters["story"]["down_at"] is not None
    assert "story" not in story.told["clusters after"]
