"""Slurm's words for states and reasons, and what they mean here. Pure.

The words are those of `squeue` and `sacct` (JOB STATE CODES and JOB REASON CODES of squeue(1), Slurm 22.05 to
25.05).
"""

from __future__ import annotations

from nemorun_discover.model.state import Reason, State

STATES: dict[str, tuple[State, Reason | None]] = {
    "PENDING": (State.PENDING, None),
    "REQUEUED": (State.PENDING, None),
    "REQUEUE_FED": (State.PENDING, None),
    "REQUEUE_HOLD": (State.PENDING, None),
    "RESV_DEL_HOLD": (State.PENDING, None),
    "SPECIAL_EXIT": (State.PENDING, None),
    "CONFIGURING": (State.PENDING, None),
    "RUNNING": (State.RUNNING, None),
    "COMPLETING": (State.RUNNING, None),
    "RESIZING": (State.RUNNING, None),
    "SIGNALING": (State.RUNNING, None),
    "STAGE_OUT": (State.RUNNING, None),
    "STOPPED": (State.RUNNING, None),
    "SUSPENDED": (State.RUNNING, None),
    "COMPLETED": (State.SUCCEEDED, None),
    "FAILED": (State.FAILED, Reason.EXIT_CODE),
    "LAUNCH_FAILED": (State.FAILED, Reason.START_FAILED),
    "RECONFIG_FAIL": (State.FAILED, Reason.START_FAILED),
    "BOOT_FAIL": (State.FAILED, Reason.NODE_FAIL),
    "NODE_FAIL": (State.FAILED, Reason.NODE_FAIL),
    "OUT_OF_MEMORY": (State.FAILED, Reason.OUT_OF_MEMORY),
    "TIMEOUT": (State.FAILED, Reason.TIMEOUT),
    "DEADLINE": (State.FAILED, Reason.TIMEOUT),
    "PREEMPTED": (State.FAILED, Reason.PREEMPTED),
    "CANCELLED": (State.CANCELLED, None),
    "REVOKED": (State.CANCELLED, None),
}

# What a pending job waits for. A reason that is not here is shown as Slurm says it.
_WAITS_FOR = {
    "None": "the scheduler's next look",
    "Priority": "jobs of higher priority",
    "Resources": "free nodes",
    "Dependency": "the jobs it comes after",
    "DependencyNeverSatisfied": "a job that ended in another way than it has to",
    "BeginTime": "its time to begin (it was put back into the queue, or asked for it)",
    "Cleaning": "its earlier attempt to be cleaned up",
    "JobArrayTaskLimit": "the others of its sweep (max_parallel)",
    "JobHeldUser": "somebody to release it: scontrol release",
    "JobHeldAdmin": "an administrator to release it",
    "JobLaunchFailure": "nothing any more: it could not be started",
    "PartitionTimeLimit": "a longer time limit of its partition: it asks for more, and will never start",
    "PartitionNodeLimit": "a larger partition: it asks for more nodes than there are, and will never start",
    "PartitionDown": "its partition, which is down",
    "PartitionInactive": "its partition, which takes no jobs now",
    "PartitionConfig": "a partition that allows what it asks for",
    "Licenses": "a licence",
    "ReqNodeNotAvail": "nodes that are not available",
    "Reservation": "its reservation to begin",
    "NodeDown": "a node that is down",
    "Prolog": "the prolog of its nodes",
    "AssocGrpGRES": "GPUs of its account's limit",
    "QOSMaxJobsPerUserLimit": "your other jobs (the limit of jobs of its qos)",
    "QOSMaxGRESPerUser": "your other jobs (the limit of GPUs of its qos)",
    "AssocMaxJobsLimit": "your other jobs (the limit of jobs of its account)",
    "InvalidAccount": "an account that is valid",
    "InvalidQOS": "a quality of service that is valid",
}

# Slurm will not start such a job by itself.
NEVER = "DependencyNeverSatisfied"


def meaning_of(words: str) -> tuple[State, Reason | None]:
    """What a state of Slurm's means; one that is not known is UNKNOWN.

    Args:
        words: As squeue or sacct say it: `CANCELLED by 1001`, `OUT_OF_MEMORY`. The first word counts.
    """
    return STATES.get(words.partition(" ")[0].rstrip("+"), (State.UNKNOWN, None))


def waits_for(reason: str) -> str:
    """What a pending job waits for, in words; the reason itself where there are no better ones.

    Args:
        reason: As squeue says it; nodes may follow (`ReqNodeNotAvail, UnavailableNodes:a2`).
    """
    word, _, more = reason.partition(",")
    known = _WAITS_FOR.get(word.strip())
    if known is None:
        return reason
    return f"{known} ({more.strip()})" if more.strip() else known
