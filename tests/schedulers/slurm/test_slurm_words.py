"""Slurm's words, and ours."""

from __future__ import annotations

import pytest

from nemorun_discover.model.state import Reason, State
from nemorun_discover.schedulers.slurm.words import STATES, meaning_of, starts_by_itself, waits_for


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
