"""A look: the script that asks, and what its answer says."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile

import pytest

from nemorun_discover.schedulers.slurm.looking import (
    Question,
    look_script,
    parse_look,
    unpack_evidence,
)

TOKEN = "token-7f3a"
EXPERIMENT = "20261122-0712-lab-x7k2"


def answer(**sections):
    return "noise" + "".join(f"\n{TOKEN} {name}\n{text}" for name, text in sections.items())


def parsed(**sections):
    return parse_look(answer(**sections).encode(), TOKEN)


def test_the_sections_of_an_answer_are_told_apart():
    found = parsed(
        queue="7|RUNNING|x\n", accounts="8|FAILED\n", cancelled="9\n10_3\n", evidence="tar"
    )

    assert found.queue == "7|RUNNING|x\n"
    assert found.accounts == "8|FAILED\n"
    assert found.cancelled == {"9", "10_3"}
    assert found.evidence == b"tar"
    assert (found.trouble, found.has_accounting) == (None, True)


def test_a_queue_without_jobs_is_an_answer_and_a_squeue_that_failed_is_none():
    silent = parsed(queue="", evidence="")
    failed = parsed(queue="", trouble="slurm_load_jobs error: Unable to contact slurm controller\n")

    assert silent.queue is not None
    assert failed.queue is None
    assert "Unable to contact" in failed.trouble


def test_scancel_s_trouble_does_not_hide_the_queue():
    found = parsed(queue="7|RUNNING|x\n", trouble="scancel: error\n")

    assert found.queue == "7|RUNNING|x\n"
    assert found.trouble == "scancel: error"


def test_a_cluster_without_accounting_says_so():
    found = parsed(
        queue="", accounts="", **{"no-accounts": "Slurm accounting storage is disabled\n"}
    )

    assert not found.has_accounting


@pytest.mark.parametrize("shell", ["bash", "dash"])
def test_the_script_is_one_that_shells_can_read(shell):
    question = Question(
        base="~/a 'b'",
        known={EXPERIMENT: ["begun/train@a.1"]},
        ids=["7", "66_3"],
        cancels={"7": ("lab/train.1", False)},
    )

    done = subprocess.run([shell, "-n"], input=look_script(question, TOKEN).encode(), check=False)

    assert done.returncode == 0


def tar_of(**files):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text.encode()))
    return buffer.getvalue()


WHOLE = json.dumps({"exit_code": 0, "signal": None, "reason": None})
ENDED = f"{EXPERIMENT}/slurm/ended/train@a.1"


@pytest.fixture
def experiments(tmp_path):
    (tmp_path / EXPERIMENT / "jobs" / "train@a").mkdir(parents=True)
    return tmp_path


def test_what_jobs_left_comes_into_the_experiment(experiments):
    tar = tar_of(**{ENDED: WHOLE, f"{EXPERIMENT}/jobs/train@a/result.json": "7"})

    count = unpack_evidence(tar, experiments, {EXPERIMENT})

    job = experiments / EXPERIMENT / "jobs" / "train@a"
    assert count == 2
    assert (experiments / ENDED).read_text() == WHOLE
    assert (job / "attempt-1" / "exit.json").read_text() == WHOLE
    assert (job / "result.json").read_text() == "7"


@pytest.mark.parametrize(
    "text",
    ["", WHOLE[:7], "5", "{}", '{"exit_code": "0", "signal": null, "reason": null}', "[" * 100_000],
    ids=["empty", "torn", "a number", "of no shape", "of other types", "deep"],
)
def test_damaged_evidence_is_put_aside_until_a_whole_one_comes(experiments, text):
    aside = experiments / EXPERIMENT / "slurm" / "ended" / ".train@a.1.damaged"

    assert unpack_evidence(tar_of(**{ENDED: text}), experiments, {EXPERIMENT}) == 0
    assert aside.read_text() == text
    assert not (experiments / ENDED).exists()
    assert not list(experiments.rglob("exit.json"))
    assert unpack_evidence(tar_of(**{ENDED: WHOLE}), experiments, {EXPERIMENT}) == 1
    assert not aside.exists()
    assert (experiments / ENDED).read_text() == WHOLE


def test_whatever_stands_in_a_files_place_harms_that_file_alone(experiments):
    job = experiments / EXPERIMENT / "jobs" / "train@a"
    (job / "attempt-1" / "exit.json" / "full").mkdir(parents=True)
    (experiments / EXPERIMENT / "jobs" / "spoilt@a").write_text("no folder")
    other = ENDED.replace("train", "spoilt")

    unpack_evidence(
        tar_of(**{other: WHOLE, f"{EXPERIMENT}/jobs/spoilt@a/result.json": "7", ENDED: WHOLE}),
        experiments,
        {EXPERIMENT},
    )

    assert (job / "attempt-1" / "exit.json").read_text() == WHOLE
    assert (experiments / ENDED).read_text() == WHOLE
    assert (experiments / other).read_text() == WHOLE


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("../other/slurm/ended/x.1", WHOLE),
        (f"{EXPERIMENT}/slurm/../../x", WHOLE),
        (f"{EXPERIMENT}/record.json", WHOLE),
        (f"{EXPERIMENT}/jobs/train@a/job.json", WHOLE),
        ("20261122-0712-other-aaaa/slurm/ended/train@a.1", WHOLE),
        ("/etc/nemorun", WHOLE),
    ],
    ids=["above", "dots", "record", "job", "not asked for", "absolute"],
)
def test_what_was_not_asked_for_is_left_out(experiments, name, text):
    before = sorted(experiments.rglob("*"))

    assert unpack_evidence(tar_of(**{name: text}), experiments, {EXPERIMENT}) == 0
    assert sorted(experiments.rglob("*")) == before


def test_of_a_tar_that_broke_off_what_is_whole_is_kept(experiments):
    tar = tar_of(**{ENDED: WHOLE, f"{EXPERIMENT}/jobs/train@a/result.json": "7" * 5000})

    assert unpack_evidence(tar[:2000], experiments, {EXPERIMENT}) == 1
    assert (experiments / ENDED).exists()
