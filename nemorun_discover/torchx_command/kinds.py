"""What the entry points `torchx.schedulers` name: one line for each kind of executor."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from nemorun_discover.torchx_command.scheduler import JobScheduler

if TYPE_CHECKING:
    from collections.abc import Callable


def _jobs_of(backend: str) -> Callable[..., JobScheduler]:
    """What TorchX calls to get its scheduler of this name."""

    def create(session_name: str, **_options: object) -> JobScheduler:
        return JobScheduler(backend, session_name, os.environ)

    return create


local = _jobs_of("nemorun_local")
torchx = _jobs_of("nemorun_torchx")
docker = _jobs_of("nemorun_docker")
slurm = _jobs_of("nemorun_slurm")
skypilot = _jobs_of("nemorun_skypilot")
skypilot_jobs = _jobs_of("nemorun_skypilot_jobs")
