"""What an experiment's clusters and jobs are called at SkyPilot. Pure."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nemorun_discover.schedulers.protocol import Submission

_NOT_IN_A_NAME = re.compile(r"[^a-z0-9]+")
_HASH_LENGTH = 8
# SkyPilot makes a managed job's cluster name from the job's, and clouds allow 35 characters and less of it.
_WORD_LENGTH = 16


def own_cluster_name(experiment_id: str, executor: str) -> str:
    """The cluster of an executor that names none: one for each executor of an experiment."""
    end = _word(experiment_id.rpartition("-")[2])
    return f"nemorun-{end}-{_hash(experiment_id, executor)}"


def job_name(submission: Submission) -> str:
    """The name under which an attempt is found again: no other attempt of any experiment has it."""
    job = submission.job
    own = _hash(submission.experiment_id, job.id, str(submission.attempt))
    return f"{_word(job.task)}-{own}"


def _word(text: str) -> str:
    """A piece of text as part of a name: a letter, then letters, digits and single dashes."""
    word = _NOT_IN_A_NAME.sub("-", text.lower())[:_WORD_LENGTH].strip("-")
    return word if word[:1].isalpha() else f"n{word}"


def _hash(*parts: str) -> str:
    return sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()[:_HASH_LENGTH]
