"""What is asked of a scheduler that brings outputs here, or takes them there, and what it answers: data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from nemorun_discover.errors import NemorunError
    from nemorun_discover.model.layout import JobLayout
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
        error: What broke off the transfer, where that is why.
        is_gone: There is no folder of outputs over there.
    """

    files: int = 0
    size_bytes: int = 0
    same: int = 0
    trouble: str | None = None
    error: NemorunError | None = None
    is_gone: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Sending:
    """What a job left elsewhere, to be put where jobs of another place look for it.

    Attributes:
        submission: An attempt of a job of that place, whose executor says how it is reached.
        experiment_id: Whose job it was that left it.
        source: That job's folder on this machine.
        with_outputs: Its outputs too, not only its result.
        seen_at: Where that job's folder may be seen over there, an absolute path; None for nowhere.
        is_here: Its files are in `source`; False to try `seen_at` alone.
    """

    submission: Submission
    experiment_id: str
    source: JobLayout
    with_outputs: bool
    seen_at: str | None = None
    is_here: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Transfer:
    """What comes or goes now, and how far all of one transfer has come, in bytes."""

    job: str
    path: str
    done_bytes: int
    total_bytes: int
