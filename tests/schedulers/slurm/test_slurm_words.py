"""Slurm's words, and ours."""

from __future__ import annotations

import re
import subprocess
from importlib.resources import files

import pytest

from nemorun_discover.model.state import Reason, State
from nemorun_discover.schedulers.slurm.words import (
    SILENCES,
    STATES,
    hint_at_refusal,
    meaning_of,
    meaning_of_silence,
    starts_by_itself,
    waits_for,
)


@pytest.mark.parametrize(
    ("words", "meaning"),
    [
        ("COMPLETED", (State.SUCCEEDED, None)),
        ("COMPLETING", (State.RUNNING, None)),
        ("CANCELLED by 1001", (State.CANCELLED, None)),
        ("CANCELLED+", (State.CANCELLED, None)),
        ("OUT_OF_MEMORY", (State.FAILED, Reason.OUT_OF_MEMORY)),
        ("NODE_FAIL", (State.FAILED, Reason.NODE_FAIL)),
        ("PREEMPTED", (State.FAILED, Reason.PREEMPTED)),
        ("TIMEOUT", (State.FAILED, Reason.TIMEOUT)),
        ("REQUEUED", (State.PENDING, None)),
        ("A_STATE_OF_TOMORROW", (State.UNKNOWN, None)),
        ("", (State.UNKNOWN, None)),
    ],
)
def test_the_first_word_of_a_state_counts(words, meaning):
    assert meaning_of(words) == meaning


def test_every_state_that_slurm_ends_in_is_final_here():
    ends = "COMPLETED FAILED TIMEOUT NODE_FAIL OUT_OF_MEMORY CANCELLED BOOT_FAIL DEADLINE PREEMPTED"

    assert all(STATES[word][0].is_final for word in ends.split())


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("Priority", "jobs of higher priority"),
        ("JobArrayTaskLimit", "the others of its sweep (max_parallel)"),
        (
            "ReqNodeNotAvail, UnavailableNodes:a2",
            "nodes that are not available (UnavailableNodes:a2)",
        ),
        ("job requeued in held state", "somebody to release it: scontrol release"),
        ("QOSMaxGRESPerUser", "your other jobs (the limit of GPUs of its qos)"),
        ("QOSMaxJobsPerUserLimit", "your other jobs (the limit of running jobs of its qos)"),
        ("AssocMaxJobsLimit", "your other jobs (the limit of running jobs of its account)"),
        (
            "QOSMaxSubmitJobPerAccountLimit",
            "other jobs of its account to end (the limit of jobs in the queue of its qos)",
        ),
        (
            "AssocGrpCpuLimit",
            "other jobs of its account to end (the limit of CPUs of all of them)",
        ),
        (
            "QOSGrpMemoryRunMinutes",
            "running jobs of its qos to get on (the limit of minutes of memory that may run at once)",
        ),
        ("AssocGrpCPUMinutesLimit", "its account, whose budget of CPUs is used up"),
        ("QOSGrpWallLimit", "its qos, whose budget of run time is used up"),
        (
            "QOSMaxWallDurationPerJobLimit",
            "a higher limit of run time for a job of its qos: it asks for more, and will never start",
        ),
        (
            "AssocMaxGRESPerNode",
            "a higher limit of GPUs for each node of its account: it asks for more, and will never start",
        ),
        (
            "QOSMinCpuNotSatisfied",
            "a qos that takes less: it asks for fewer CPUs than its qos wants, and will never start",
        ),
        ("A_reason_of_tomorrow", "A_reason_of_tomorrow"),
    ],
)
def test_a_reason_is_told_in_words_or_as_it_is(reason, words):
    assert waits_for(reason) == words


WHAT = ("Cpu", "CPU", "Mem", "Memory", "Node", "GRES", "License", "BB", "Billing", "Energy")


@pytest.mark.parametrize("whose", ["QOS", "Assoc"])
@pytest.mark.parametrize(
    "form",
    [
        "Grp{}",
        "Grp{}Limit",
        "Grp{}Minutes",
        "Grp{}RunMinutes",
        "Max{}PerJob",
        "Max{}PerNode",
        "Min{}",
        "Max{}PerUser",
        "Max{}PerAccount",
        "Max{}MinutesPerJob",
        "Max{}PerJobLimit",
    ],
)
def test_a_composed_reason_is_told_in_words(whose, form):
    reasons = [whose + form.format(what) for what in WHAT]

    assert [one for one in reasons if waits_for(one) == one] == []


@pytest.mark.parametrize(
    ("reason", "starts"),
    [
        ("Priority", True),
        ("QOSMaxJobsPerUserLimit", True),
        ("AssocGrpGRES", True),
        ("ReqNodeNotAvail, UnavailableNodes:a2", True),
        ("A_reason_of_tomorrow", True),
        ("PartitionTimeLimit", False),
        ("BadConstraints", False),
        ("QOSMaxWallDurationPerJobLimit", False),
        ("AssocMaxCpuPerJobLimit", False),
        ("QOSMinGRES", False),
        ("JobHeldUser", False),
    ],
)
def test_a_job_that_can_never_start_has_no_time_to_start(reason, starts):
    assert starts_by_itself(reason) is starts


# What sbatch of Slurm 22.05 and 24.11 prints: as it fails, as its library fails, and after a site's own words.
SAID = {
    "Batch job submission failed: Unable to contact slurm controller (connect failure)": "away",
    "Batch job submission failed: Slurm backup controller in standby mode": "away",
    "Batch job submission failed: Unable to create job record, try again": "away",
    "If munged is up, restart with --num-threads=10\nsbatch: error: Munge encode failed: "
    'Failed to access "/run/munge/munge.socket.2": No such file or directory\n'
    "sbatch: error: slurm_send_node_msg: auth_g_create has authentication error\n"
    "sbatch: error: Batch job submission failed: Protocol authentication error": "unsure",
    "resolve_ctls_from_dns_srv: res_nsearch error: Unknown host\n"
    "sbatch: error: fetch_config: DNS SRV lookup failed\n"
    "sbatch: fatal: Could not establish a configuration source": "away",
    "Batch job submission failed: Unable to contact slurm controller (receive failure)": "unsure",
    "Batch job submission failed: Socket timed out on send/recv operation": "unsure",
    "Batch job submission failed: Zero Bytes were transmitted or received": "unsure",
    "Batch job submission failed: Unexpected message received": "unsure",
    "Batch job submission failed: Resource temporarily unavailable": "unsure",
    "": "unsure",
    "invalid partition specified: nosuch\n"
    "sbatch: error: Batch job submission failed: Invalid partition name specified": "refused",
    "Batch job submission failed: Invalid account or account/partition combination specified": "refused",
    "Batch job submission failed: Invalid qos specification": "refused",
    "QOSMaxSubmitJobPerUserLimit\nsbatch: error: Batch job submission failed: Job violates "
    "accounting/QOS policy (job submit limit, user's size and/or time limits)": "refused",
    "Batch job submission failed: Requested node configuration is not available": "refused",
    "Batch job submission failed: Requested time limit is invalid (missing or exceeds some limit)": "refused",
    "Batch job submission failed: Invalid generic resource (gres) specification": "refused",
    "Batch job submission failed: User's group not permitted to use this partition": "refused",
    "Connection refused by the licence server\n"  # a site's plugin, of the job
    "sbatch: error: Batch job submission failed: Unspecified error": "refused",
    "Slurm temporarily unable to accept job, sleeping and retrying\n"
    "sbatch: error: Batch job submission failed: Invalid partition name specified": "refused",
    "Unable to open file u.sh": "refused",
}


def words_for(shell, said, code):
    """What submit.sh makes of them."""
    text = files("nemorun_discover.schedulers.slurm").joinpath("submit.sh").read_text("utf-8")
    function = re.search(r"^word_for\(\) \{.*?^\}", text, re.MULTILINE | re.DOTALL).group()
    words = {
        "closed_words": "\n".join(one for one, is_open in SILENCES.items() if not is_open),
        "open_words": "\n".join(one for one, is_open in SILENCES.items() if is_open),
    }
    script = f'err=$(mktemp); printf "%s" "$said" >"$err"\n{function}\nword_for {code}; rm "$err"'
    done = subprocess.run(
        [shell, "-c", script],
        env={**words, "said": said},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.mark.parametrize("shell", ["bash", "dash"])
def test_silence_and_words_about_the_job_are_told_apart(shell):
    found = {said: words_for(shell, said and f"sbatch: error: {said}\n", 1) for said in SAID}

    assert found == SAID
    assert words_for(shell, "sbatch: error: Invalid partition\n", 137) == "unsure"  # it was killed


def test_most_silences_and_refusals_say_what_they_mean():
    assert "slurmctld does not run" in meaning_of_silence("(connect failure)")
    assert "munge" in meaning_of_silence("Protocol authentication error")
    refused = [said for said, word in SAID.items() if word == "refused"]
    without = [said for said in refused if not hint_at_refusal(said)]
    assert without == [
        said for said in refused if "Unspecified" in said or said.startswith("Unable to open")
    ]
