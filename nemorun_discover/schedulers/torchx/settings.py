"""What a submission's executor says, and the names that TorchX and its schedulers are told."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from pathlib import Path

    from nemorun_discover.executors.torchx import TorchxExecutor
    from nemorun_discover.schedulers.protocol import Submission

_DIGEST = 20
_LONGEST_WORD = 24  # with all that is added, names stay within the 63 characters of a DNS label
FILES_OF_TORCHX = "torchx"


def settings_of(submission: Submission) -> TorchxExecutor:
    """The executor's settings."""
    return cast("TorchxExecutor", submission.executor)


def name_of(submission: Submission) -> str:
    """The name of an attempt, by which it is found again where a scheduler lists names.

    TorchX adds a hyphen and 12 to 14 letters, and local_docker names its containers by the last 30 characters of that
    (torchx 0.7, docker_scheduler.py). Docker refuses a name that begins with a hyphen, so these 30 begin in the digest.
    """
    own = f"{submission.experiment_id}/{submission.job.id}/{submission.attempt}"
    digest = hashlib.sha256(own.encode()).hexdigest()[:_DIGEST]
    return f"nr-{role_of(submission)}-{digest}"


def role_of(submission: Submission) -> str:
    """The task's name as every scheduler takes it: small letters, digits and hyphens."""
    word = re.sub(r"[^a-z0-9]+", "-", submission.job.task.lower()).strip("-")
    return word[:_LONGEST_WORD].strip("-") or "job"


def files_of_torchx(submission: Submission) -> Path:
    """Where schedulers that leave files on this machine leave those of an attempt."""
    return submission.paths.attempt(submission.attempt).root / FILES_OF_TORCHX
