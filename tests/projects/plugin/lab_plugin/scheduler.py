"""Drives the kind `scratch`: the local scheduler, and a directory for each job."""

from dataclasses import replace
from pathlib import Path

from nemorun_discover.schedulers.local.scheduler import LocalScheduler


class ScratchScheduler(LocalScheduler):
    """Starts jobs that find their directory in SCRATCH."""

    def submit(self, submission):
        """Start an attempt, once its directory is there."""
        job = submission.paths.root.name
        folder = Path(submission.executor.scratch, submission.experiment_id, job)
        folder.mkdir(parents=True, exist_ok=True)
        environment = {**submission.environment, "SCRATCH": str(folder)}
        return super().submit(replace(submission, environment=environment))
