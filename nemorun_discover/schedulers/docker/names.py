"""What the engine knows our containers and networks by: names, labels, host names. Pure."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nemorun_discover.schedulers.protocol import Submission

# Labels of all that we make; `nemorun prune` goes by them.
HOME = "nemorun.home"
EXPERIMENT = "nemorun.experiment"
JOB = "nemorun.job"
KEY = "nemorun.key"

BACKEND = "nemorun_docker"
_LONGEST = 63  # a host name's label (RFC 1035); the engine itself allows longer names
_HASH = 8
_UNFIT = re.compile(r"[^a-zA-Z0-9_.-]+")
_UNFIT_HOST = re.compile(r"[^a-zA-Z0-9-]+")


def key_of(submission: Submission) -> str:
    """The key under which the engine takes an attempt at most once: its folder."""
    return str(submission.paths.attempt(submission.attempt).root)


def container_name(submission: Submission) -> str:
    """`nemorun-20261122-0712-train-x7k2-train-lr-0.1-docker-1-5e3fa0c1`; two attempts have two names."""
    digest = hashlib.sha256(key_of(submission).encode()).hexdigest()[:_HASH]
    told = f"{submission.experiment_id}-{submission.job.slug}-{submission.attempt}"
    fit = _UNFIT.sub("-", told).strip("-.")[: _LONGEST - len("nemorun--") - _HASH].rstrip("-.")
    return f"nemorun-{fit}-{digest}"


def labels_of(submission: Submission) -> dict[str, str]:
    """The labels of an attempt's container."""
    return {
        **network_labels(submission),
        JOB: submission.job.id,
        KEY: key_of(submission),
    }


def network_labels(submission: Submission) -> dict[str, str]:
    """The labels of a network that is made for an experiment."""
    return {HOME: home_of(submission), EXPERIMENT: submission.experiment_id}


def home_of(submission: Submission) -> str:
    """The folder that has the experiments: what tells ours from those of another home."""
    return str(submission.paths.root.parents[2])


def experiment_network(submission: Submission) -> str:
    """The network of an experiment's groups."""
    digest = hashlib.sha256(str(submission.paths.root.parents[1]).encode()).hexdigest()[:_HASH]
    return f"nemorun-{submission.experiment_id}-{digest}"


def host_name(word: str) -> str:
    """A task's or a job's name as a host name."""
    return _UNFIT_HOST.sub("-", word).strip("-")[:_LONGEST].rstrip("-").lower() or "job"
