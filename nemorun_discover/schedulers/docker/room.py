"""How many containers of an executor run at once, and which GPUs each of them is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nemorun_discover.executors.local import LocalExecutor
from nemorun_discover.schedulers.docker.places import settings
from nemorun_discover.schedulers.local.slots import Holder, MachineGpus, Slots, devices_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nemorun_discover.schedulers.protocol import Submission


def room_of(submission: Submission, env: Mapping[str, str], gpus: MachineGpus) -> Slots:
    """The places of a job's executor.

    GPUs are shared out where this machine says which it has; elsewhere the engine takes the first ones. One that
    wants all of them (`num_gpus = -1`) waits until all are free.
    """
    executor = settings(submission)
    alike = LocalExecutor(max_parallel=executor.max_parallel, gpus=executor.gpus)
    if devices := devices_of(alike, env):
        wanted = executor.num_gpus or 0
        alike.gpus_per_task = len(devices) if wanted < 0 else wanted
    engine = env.get("DOCKER_HOST", "")
    return Slots(alike, env, gpus, lambda job_id: Holder.of(submission, job_id, engine))
