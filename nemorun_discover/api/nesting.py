"""A script that launches must not do it again when a job of its own imports it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from nemorun_discover.api.functions import MAIN
from nemorun_discover.errors import UsageError
from nemorun_discover.files import read_json
from nemorun_discover.model.layout import JobLayout

if TYPE_CHECKING:
    from types import FrameType


def refuse_launch_from_own_job() -> None:
    """Raise UsageError inside a job, when its own script is being imported and comes to launch again.

    That happens where a job starts Python processes that import the script (`multiprocessing` does), or
    where a name that its task needs is made by a launch.
    """
    folder = os.environ.get("NEMORUN_JOB_DIR")
    # Not through `documents.py`: inside a job, whose worker has checked the file; a damaged one only means that a
    # second launch is not refused.
    job = read_json(JobLayout(Path(folder)).job) if folder else None
    if not isinstance(job, dict) or not (
        job.get("is_main") and job.get("root") and job.get("file")
    ):
        return
    script = Path(str(job["root"]), str(job["file"]))
    frame: FrameType | None = sys._getframe()  # noqa: SLF001 - the documented way to the callers
    while frame is not None:
        if _imports(frame, script):
            raise UsageError(
                f"{script}:{frame.f_lineno} would launch again from inside the job it has launched",
                hint='put what launches under `if __name__ == "__main__":`',
            )
        frame = frame.f_back


def _imports(frame: FrameType, script: Path) -> bool:
    """True for the top level of the script, run as a module."""
    is_top = frame.f_code.co_name == "<module>" and frame.f_globals.get("__name__") != MAIN
    return is_top and Path(frame.f_code.co_filename) == script
