"""Where the runtime begins inside a job: `python <runtime>.zip <job folder> <attempt>`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from nemorun_discover.files import read_json
from nemorun_discover.model.layout import JobLayout
from nemorun_discover.worker.supervise import Supervisor
from nemorun_discover.worker.task import run_task


def main() -> None:
    """Run one attempt of the job whose folder is given on the command line."""
    paths = JobLayout(Path(sys.argv[1]))
    attempt = paths.attempt(int(sys.argv[2]))
    job = read_json(paths.job)
    if job is None:
        raise SystemExit(f"nemorun: {paths.job}: there is none, or it is damaged")
    supervisor = Supervisor(attempt, timeout_s=job["timeout_s"], grace_s=job["grace_s"])
    if supervisor.claim():
        supervisor.run(lambda: run_task(job, paths, attempt))
    # All is on the disk; taking the interpreter apart first would cost every job 10 ms.
    os._exit(0)
