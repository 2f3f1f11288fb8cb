"""The bash library without Slurm around it: who gets an attempt, and what ends a job in Slurm's words."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from nemorun_discover.schedulers.slurm.library import library_name, library_text

NO_HARD_LINKS = "ln() { return 1; }\n"


@pytest.fixture
def library(tmp_path):
    file = tmp_path / library_name()
    file.write_bytes(library_text())
    (tmp_path / "experiment" / "jobs").mkdir(parents=True)
    return file


def start(library, text, **variables):
    """The text, after the library, as a batch script has it."""
    head = (
        f"nemorun_experiment={library.parent}/experiment\nnemorun_first_attempt=1\n"
        f"source {library} || exit 127\n"
    )
    env = {"PATH": "/usr/bin:/bin", "SLURM_JOB_ID": "7", **variables}
    return subprocess.Popen(
        ["bash", "-c", head + text],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def run(library, text, **variables):
    process = start(library, text, **variables)
    return process.communicate(timeout=60)[0], process.returncode


@pytest.mark.parametrize("before", ["", NO_HARD_LINKS], ids=["hard links", "none"])
def test_one_of_many_that_begin_at_once_gets_the_attempt(library, before):
    text = before + "nemorun_begin job; echo mine; sleep 1; trap - EXIT; exit 9"

    all_of_them = [start(library, text, SLURM_JOB_ID=str(number)) for number in range(12)]
    ends = [(one.communicate(timeout=60)[0], one.returncode) for one in all_of_them]

    winners = [number for number, (said, _) in enumerate(ends) if "mine" in said]
    assert len(winners) == 1
    assert [code for _, code in ends].count(9) == 1
    losers = [said for said, code in ends if code == 0]
    assert all(f"an attempt that job {winners[0]} has" in said for said in losers)
    begun = (library.parent / "experiment/slurm/begun/job.1").read_text()
    assert json.loads(begun)["native_id"] == str(winners[0])
    left = [one.name for one in (library.parent / "experiment/slurm/begun").iterdir()]
    assert left == ["job.1"]


def test_a_folder_that_cannot_be_written_ends_the_job_with_a_code_of_its_own(library):
    (library.parent / "experiment" / "slurm").write_text("in the way")

    said, code = run(library, "nemorun_begin job; echo never")

    assert code == 73
    assert "never" not in said


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("", "CANCELLED false"),
        (" DUE TO TIME LIMIT", "TIMEOUT false"),
        (" DUE TO JOB REQUEUE", "REQUEUED true"),
        (" DUE TO PREEMPTION", "PREEMPTED false"),
        (" DUE TO NODE FAILURE, SEE SLURMCTLD LOG FOR DETAILS", "NODE_FAIL false"),
    ],
    ids=["cancelled", "time", "requeue", "preemption", "node"],
)
def test_why_slurm_ends_a_job_is_read_from_what_it_writes(library, tmp_path, words, why):
    log = tmp_path / "log"
    log.write_text(
        "slurmstepd-a: error: *** JOB 7 ON a CANCELLED AT 2026-11-24T10:00:00 DUE TO TIME LIMIT ***\n"
    )
    old = log.stat().st_size
    with log.open("a") as file:
        file.write(
            f"slurmstepd-a: error: *** JOB 7 ON a CANCELLED AT 2026-11-25T10:00:00{words} ***\n"
        )
    text = f"scontrol() {{ :; }}; nemorun_native_log={log}; nemorun_log_start={old}; nemorun_why"

    assert run(library, text) == (f"{why}\n", 0)


def test_the_exit_code_of_many_is_that_of_the_first_that_failed(library, tmp_path):
    (tmp_path / "log").write_text(
        "srun: error: b1: task 1: Exited with exit code 9\nsrun: error: b1: tasks 0,2: Terminated\n"
    )

    assert run(library, f"nemorun_first_failure {tmp_path} 143") == ("9\n", 0)


def test_a_signal_that_ended_the_first_is_told_instead_of_the_one_that_ended_the_rest(
    library, tmp_path
):
    (tmp_path / "log").write_text(
        "srun: error: b1: task 1: Segmentation fault\nsrun: error: b1: task 0: Terminated\n"
    )

    assert run(library, f"nemorun_first_failure {tmp_path} 143") == ("139\n", 0)


@pytest.fixture
def small_disk(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("a small file system can only be mounted by root")
    place = tmp_path / "small"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)], check=True)
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.parametrize("before", ["", NO_HARD_LINKS], ids=["hard links", "none"])
def test_evidence_is_written_when_a_full_disk_has_room_again(library, small_disk, before):
    experiment = small_disk / "experiment"
    filler = small_disk / "filler"
    fill = f"until ! cat /dev/zero >>{filler} 2>/dev/null; do :; done\n"
    text = (
        f"nemorun_experiment={experiment}\n{before}"
        f"(sleep 2; rm -f {filler}) &\n{fill}"
        "nemorun_begin job\n"
        f"echo begun\n{fill}(sleep 2; rm -f {filler}) &\n"
        'work() { touch "$nemorun_proof"; exit 3; }\n'
        "nemorun_proof=$(nemorun_folder job)/process.json; nemorun_start job work\n"
        "nemorun_end\n"
    )

    said, code = run(library, text)

    assert code == 3, said
    assert said.count("No space left on device") == 2, said
    begun = json.loads((experiment / "slurm/begun/job.1").read_text())
    assert begun["native_id"] == "7"
    ended = json.loads((experiment / "slurm/ended/job.1").read_text())
    assert json.loads((experiment / "jobs/job/attempt-1/exit.json").read_text()) == ended
    assert ended["exit_code"] == 3
