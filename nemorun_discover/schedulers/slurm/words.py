"""Slurm's words for states and reasons, and what they mean here. Pure.

The words are those of `squeue` and `sacct` (JOB STATE CODES and JOB REASON CODES of squeue(1), Slurm 22.05 to
25.05).
"""

from __future__ import annotations

import re

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

# What a pending job waits for; `_limit` has the composed reasons. A reason that is in neither is shown as Slurm says it.
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
    "JobHoldMaxRequeue": "an administrator to release it: it was requeued too often",
    "job requeued in held state": "somebody to release it: scontrol release",
    "launch failed requeued held": "somebody to release it, since its node could not start it: scontrol release",
    "JobLaunchFailure": "nothing any more: it could not be started",
    "PartitionTimeLimit": "a longer time limit of its partition: it asks for more, and will never start",
    "PartitionNodeLimit": "a larger partition: it asks for more nodes than there are, and will never start",
    "PartitionDown": "its partition, which is down",
    "PartitionInactive": "its partition, which takes no jobs now",
    "PartitionConfig": "a partition that allows what it asks for",
    "BadConstraints": "nodes that have what it asks for: there are none, and it will never start",
    "Licenses": "a licence",
    "ReqNodeNotAvail": "nodes that are not available",
    "Reservation": "its reservation to begin",
    "ReservationDeleted": "a reservation that was deleted: it will never start",
    "NodeDown": "a node that is down",
    "Prolog": "the prolog of its nodes",
    "MaxMemPerLimit": "a partition that allows so much memory: it asks for more, and will never start",
    "SchedDefer": "the scheduler, which starts no jobs at the moment of submission",
    "BurstBufferResources": "room in the burst buffer",
    "BurstBufferStageIn": "its data to arrive in the burst buffer",
    "InvalidAccount": "an account that is valid: it will never start",
    "InvalidQOS": "a quality of service that is valid: it will never start",
    "AccountNotAllowed": "a partition that takes its account: it will never start",
    "QOSNotAllowed": "a partition that takes its quality of service: it will never start",
    "QOSJobLimit": "other jobs of its qos to end (the limit of jobs)",
    "QOSResourceLimit": "other jobs of its qos to end (the limit of resources)",
    "QOSTimeLimit": "a longer time limit of its qos: it asks for more, and will never start",
    "QOSUsageThreshold": "usage of its qos, which is below what it has to be",
    "AssociationJobLimit": "other jobs of its account to end (the limit of jobs)",
    "AssociationResourceLimit": "other jobs of its account to end (the limit of resources)",
    "AssociationTimeLimit": "a longer time limit of its account: it asks for more, and will never start",
    "MaxBBPerAccount": "other jobs of its account to end (the limit of burst buffers)",
}
SUSPENDED = "Slurm to resume it: it is suspended"
# What does not start by itself, whatever time Slurm's backfill gives it. JobHeldUser and the like may be released.
_NEVER_STARTS = frozenset(
    {
        "DependencyNeverSatisfied",
        "JobLaunchFailure",
        "PartitionTimeLimit",
        "PartitionNodeLimit",
        "BadConstraints",
        "ReservationDeleted",
        "MaxMemPerLimit",
        "InvalidAccount",
        "InvalidQOS",
        "AccountNotAllowed",
        "QOSNotAllowed",
        "QOSTimeLimit",
        "AssociationTimeLimit",
        "JobHeldUser",
        "JobHeldAdmin",
        "JobHoldMaxRequeue",
        "job requeued in held state",
        "launch failed requeued held",
    }
)
# Most reasons that name a limit are composed (src/common/slurm_protocol_defs.c, 22.05 to 24.11): whose limit, which
# kind, of what, and per whom. `Cpu` and `CPU`, `Mem` and `Memory` are both in use.
_LIMIT = re.compile(
    r"(?P<whose>QOS|Assoc)(?P<kind>Grp|Max|Min)"
    r"(?P<what>C[Pp][Uu]|Mem(?:ory)?|Node|GRES|License|BB|Billing|Energy|Unknown|Jobs?|SubmitJobs?|Wall(?:Duration)?)"
    r"(?P<minutes>RunMinutes)?(?P<budget>Minutes)?"
    r"(?:Per(?P<per>Job|Node|User|Account))?(?:Limit|NotSatisfied)?"
)
_WHAT = {
    "cpu": "CPUs",
    "mem": "memory",
    "memory": "memory",
    "node": "nodes",
    "gres": "GPUs",
    "license": "licences",
    "bb": "burst buffers",
    "billing": "billing units",
    "energy": "energy",
    "unknown": "a resource",
    "job": "running jobs",
    "jobs": "running jobs",
    "submitjob": "jobs in the queue",
    "submitjobs": "jobs in the queue",
    "wall": "run time",
    "wallduration": "run time",
}

# What Slurm's commands say when nobody has judged the job, and it may be asked again (slurm_errno.c of 22.05 to 24.11,
# sbatch.c); True where the controller may have taken the job all the same. Looked for from the top. Everything else
# that sbatch says is about the job.
SILENCES: dict[str, bool] = {
    "Unable to contact slurm controller (connect failure)": False,
    "Communication connection failure": False,
    "backup controller in standby mode": False,
    "Controller is in standby mode": False,
    "Unable to create job record, try again": False,  # MaxJobCount
    "I/O error writing script/environment to file": False,  # the disk of the controller
    "Slurm temporarily unable to accept job": False,
    "Slurm job queue full": False,
    "Job creation temporarily disabled": False,
    "Requested nodes are busy": False,
    "Could not establish a configuration source": False,
    "DNS SRV lookup failed": False,
    "Can't find an address, check slurm.conf": False,
    "Unable to resolve": False,
    "Failed to connect to authentication agent": False,
    "Munge encode failed": False,
    "No route to host": False,
    "Network is unreachable": False,
    "Connection refused": False,
    "Cannot allocate memory": False,
    "Cannot fork": False,
    "Unable to contact slurm controller": True,  # send, receive and shutdown failure
    "Communication shutdown failure": True,
    "Message send failure": True,
    "Message receive failure": True,
    "Socket timed out": True,
    "Connection timed out": True,
    "Connection reset by peer": True,
    "Zero Bytes were transmitted or received": True,
    "Unexpected message received": True,
    "Header lengths are longer than data received": True,
    "Insane message length": True,
    "Resource temporarily unavailable": True,
    "Operation now in progress": True,
    "Interrupted system call": True,
    "Protocol authentication error": True,
    "Invalid authentication credential": True,
    "Authentication credential invalid": True,
    "Munge decode failed": True,
}

_SILENCE_MEANS = (
    ("standby mode", "the backup controller answers, and the primary one is away"),
    ("authenti", "munge does not work there, or the clocks differ"),
    ("Munge", "munge does not work there"),
    ("job queue full", "the cluster has as many jobs as it takes (MaxJobCount)"),
    ("create job record", "the cluster has as many jobs as it takes (MaxJobCount)"),
    ("writing script", "the controller's disk is full, or cannot be written"),
    ("connect failure", "slurmctld does not run, or cannot be reached"),
    ("timed out", "slurmctld is overloaded, or hangs"),
    ("Cannot ", "the login node is short of memory or processes"),
    (
        "Resource temporarily",
        "the login node is short of memory or processes, or slurmctld of both",
    ),
)

_REFUSAL_HINTS = (
    ("partition name", "`sinfo -s` there lists the partitions; the profile's field is partition"),
    ("not permitted to use this partition", "`scontrol show partition` there tells who may use it"),
    (
        "account or account/partition",
        "`sacctmgr show associations user=$USER` there lists your accounts; the profile's field is account",
    ),
    (
        "qos",
        "`sacctmgr show associations user=$USER format=account,qos` there lists yours; the profile's field is qos",
    ),
    (
        "accounting/QOS policy",
        "a limit of your account or qos on jobs, sizes or time; -j N keeps jobs back until others have ended",
    ),
    (
        "gres",
        "`sinfo -o '%P %G'` there lists what its nodes have; the profile's fields are gres and gpus_per_node",
    ),
    ("node configuration is not available", "no node has that many CPUs, GPUs or so much memory"),
    (
        "emory",
        "no node has so much memory; the profile's fields are mem, mem_per_cpu and mem_per_gpu",
    ),
    ("Node count", "the partition has, or allows, fewer nodes; the profile's field is nodes"),
    ("ime limit", "the partition or the qos allows less; the profile's field is time"),
    ("feature", "`sinfo -o '%P %f'` there lists the features; the profile's field is constraint"),
    ("eservation", "`scontrol show reservation` there lists them"),
    ("job array", "`scontrol show config` there has MaxArraySize; array = false makes no arrays"),
    ("option", "see additional_parameters of the profile, and `sbatch --help` there"),
)


def meaning_of_silence(text: str) -> str:
    """What it means that Slurm does not answer; empty where its words say enough."""
    return next((means for word, means in _SILENCE_MEANS if word in text), "")


def hint_at_refusal(text: str) -> str:
    """What to do about sbatch's words about a job; empty where nothing better than the words is known."""
    return next((hint for word, hint in _REFUSAL_HINTS if word in text), "")


# Slurm will not start such a job by itself.
NEVER = "DependencyNeverSatisfied"


def meaning_of(words: str) -> tuple[State, Reason | None]:
    """What a state of Slurm's means; one that is not known is UNKNOWN.

    Args:
        words: As squeue or sacct say it: `CANCELLED by 1001`, `OUT_OF_MEMORY`. The first word counts.
    """
    return STATES.get(words.partition(" ")[0].rstrip("+"), (State.UNKNOWN, None))


def is_suspended(words: str) -> bool:
    """True for a job that has its nodes and does not run: `scontrol suspend`, a time slice, a preemption."""
    return words.partition(" ")[0] in ("SUSPENDED", "STOPPED")


def waits_for(reason: str) -> str:
    """What a pending job waits for, in words; the reason itself where there are no better ones.

    Args:
        reason: As squeue says it; nodes may follow (`ReqNodeNotAvail, UnavailableNodes:a2`).
    """
    word, _, more = reason.partition(",")
    word = word.strip()
    known = _WAITS_FOR.get(word) or _limit(word)
    if known is None:
        return reason
    return f"{known} ({more.strip()})" if more.strip() else known


def starts_by_itself(reason: str) -> bool:
    """False for a pending job that will not start unless somebody changes it, whenever Slurm means to start it.

    Args:
        reason: As squeue says it.
    """
    word = reason.partition(",")[0].strip()
    match = _LIMIT.fullmatch(word)
    return word not in _NEVER_STARTS and (match is None or not _is_of_one_job(match))


def _limit(word: str) -> str | None:
    """What a job waits for that a limit holds back; None where the reason is no limit."""
    match = _LIMIT.fullmatch(word)
    if match is None:
        return None
    whose = {"QOS": "qos", "Assoc": "account"}[match["whose"]]
    what = _WHAT[match["what"].lower()]
    if match["minutes"]:
        return f"running jobs of its {whose} to get on (the limit of minutes of {what} that may run at once)"
    if match["kind"] == "Min":
        return f"a qos that takes less: it asks for fewer {what} than its {whose} wants, and will never start"
    if _is_of_one_job(match):
        each = "for each node" if match["per"] == "Node" else "for a job"
        minutes = "minutes of " if match["budget"] else ""
        return f"a higher limit of {minutes}{what} {each} of its {whose}: it asks for more, and will never start"
    if match["budget"] or (match["kind"] == "Grp" and what == "run time"):
        return f"its {whose}, whose budget of {what} is used up"
    if match["kind"] == "Grp":
        return f"other jobs of its {whose} to end (the limit of {what} of all of them)"
    if match["per"] == "Account":
        return f"other jobs of its account to end (the limit of {what} of its {whose})"
    return f"your other jobs (the limit of {what} of its {whose})"


def _is_of_one_job(match: re.Match[str]) -> bool:
    """True for a limit that a job alone is over."""
    return match["kind"] == "Min" or (match["kind"] == "Max" and match["per"] in ("Job", "Node"))
