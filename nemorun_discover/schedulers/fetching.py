"""What is asked of a scheduler that brings outputs here, and what it answers: data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from nemorun_discover.schedulers.protocol import Submission


@dataclass(frozen=True, kw_only=True, slots=True)
class Fetch:
    """Outputs of a job that are to be brought here.

    Attributes:
        submission: Its last attempt.
        into: The folder that is to look like the job's outputs.
        wants: Tells of a path below the outputs, with slashes, whether it is wanted.
    """

    submission: Submission
    into: Path
    wants: Callable[[str], bool]


@dataclass(frozen=True, kw_only=True, slots=True)
class Fetched:
    """What has come of a job's outputs.

    Attributes:
        files: Files that came.
        size_bytes: Bytes that came.
        same: Files that were here already, and equal.
        trouble: Why something is missing, a sentence; None when nothing is.
    """

    files: int = 0
    size_bytes: int = 0
    same: int = 0
    trouble: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Transfer:
    """What comes now, and how far all that comes from one place has come, in bytes."""

    job: str
    path: str
    done_bytes: int
    total_bytes: int
