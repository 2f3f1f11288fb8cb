"""What cannot be done is said in one sentence, soon; nothing is half done, and a rerun completes it."""

from __future__ import annotations

import json
import subprocess
from datetime import datetime

import pytest

SOON_S = 15


def test_sbatch_refuses_the_script_that_it_speaks_of_and_a_rerun_completes_it(lab):
    """What comes after it is submitted all the same."""
    for number in range(1, 6):
        partition = "nosuch" if number == 3 else "batch"
        lab.profile(f"part{number}", lab.clusters.a, f'partition = "{partition}"')

    answer = lab("run", "-d", "-k", "train", "-e", "part*")

    assert answer.code == 6, answer.out + answer.err
    assert "Invalid partition name specified" in answer.out + answer.err
    experiment = lab.experiments()[0]
    jobs = lab.until_over_or_refused(experiment)
    states = {job["executor"]: job["state"] for job in jobs.values()}
    assert states == {
        "part1": "SUCCEEDED",
        "part2": "SUCCEEDED",
        "part3": "PLANNED",
        "part4": "SUCCEEDED",
        "part5": "SUCCEEDED",
    }
    assert len(lab.queue(lab.clusters.a, experiment)) == 4

    again = lab("rerun", experiment, "--failed", "-o", "profiles.part3.partition=short")

    assert again.code == 0, again.out + again.err
    jobs = lab.jobs()
    assert {job["executor"]: job["state"] for job in jobs.values()} == {"part3": "SUCCEEDED"}


def test_watching_a_run_that_was_refused_ends_with_code_6(lab):
    lab.profile("slurm_a", lab.clusters.a, 'gres = "nosuch:1"')

    answer = lab("run", "-k", "train", "-e", "slurm_a")

    assert answer.code == 6, answer.out + answer.err
    assert "Invalid generic resource (gres) specification" in answer.out
    assert "Traceback" not in answer.out + answer.err


@pytest.mark.parametrize("fault", ["full", "read-only"])
def test_a_job_dir_that_takes_nothing_is_told_in_a_sentence(lone_lab, fault):
    lab, cluster = lone_lab, lone_lab.clusters.a
    place = f"/home/{cluster.user.name}/small-{lab.mark}"
    cluster.faults.small_folder(place)
    if fault == "full":
        cluster.faults.fill(place)
    else:
        cluster.faults.make_read_only(place)
    lab.profile("slurm_a", cluster, job_dir=place)

    answer = lab("run", "-k", "train", "-e", "slurm_a", "lr=1,2")

    assert answer.code == 6, answer.out + answer.err
    words = "No space left on device" if fault == "full" else "Read-only file system"
    assert answer.out.count(words) == 1, answer.out
    assert place in answer.out
    assert "job_dir" in answer.out
    assert "Traceback" not in answer.out + answer.err
    (experiment,) = lab.experiments()
    assert {job["state"] for job in lab.jobs(experiment).values()} == {"PLANNED"}
    assert lab.queue(cluster, experiment) == []
    cluster.faults.make_read_only(place, read_only=False)
    cluster.faults.make_room(place)
    again = lab("rerun", experiment, "--failed")
    assert again.code == 0, again.out + again.err


def other_key(lab):
    key = lab.home / ".ssh" / "other"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    return key


def wrong_key(lab):
    lab.profile("slurm_a", lab.clusters.a, identity=str(other_key(lab)))
    return "refused the login"


def wrong_host_key(lab):
    kind, key, *_ = other_key(lab).with_name("other.pub").read_text().split()
    line = f"[127.0.0.1]:{lab.clusters.a.port} {kind} {key}\n"
    (lab.home / ".ssh" / "known_hosts").write_text(line)
    return "another one"


def unknown_host_key(lab):
    (lab.home / ".ssh" / "known_hosts").write_text("")
    return "is not in"


def unknown_host(lab):
    lab.profile("slurm_a", lab.clusters.a, host="no-such-host.invalid")
    return "no-such-host.invalid"


def asking_took_s(lab):
    """From the intent to the answer, as the journal has it."""
    journal = lab.home / ".run" / "experiments" / lab.experiments()[0] / "events.jsonl"
    events = [json.loads(line) for line in journal.read_text().splitlines()]
    first, last = (datetime.fromisoformat(events[at]["at"]) for at in (0, -1))
    return (last - first).total_seconds()


WAYS = [wrong_key, wrong_host_key, unknown_host_key, unknown_host]


@pytest.mark.parametrize("way", WAYS, ids=[way.__name__ for way in WAYS])
def test_a_cluster_that_cannot_be_reached_is_told_in_one_sentence_soon(lab, way):
    words = way(lab)

    answer = lab("run", "-k", "train", "-e", "slurm_a")

    assert answer.code == 6, answer.out + answer.err
    told = [line for line in answer.out.splitlines() if words in line]
    assert len(told) == 1, answer.out
    assert "Traceback" not in answer.out + answer.err
    assert asking_took_s(lab) < SOON_S
    (job,) = lab.jobs().values()
    assert (job["state"], job["reason"]) == ("PLANNED", "REFUSED")
