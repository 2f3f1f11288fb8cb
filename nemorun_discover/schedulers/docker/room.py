"""How many containers of an executor run at once, and which GPUs each of them is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nemorun_discover.executors.local import LocalExecutor
from nemorun_discover.schedulers.docker.places import settings
from nemorun_discover.schedulers.local.slots import Slots, devices_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nemorun_discover.schedulers.protocol import Submission


def room_of(submission: Submission, env: Mapping[str, str], busy: set[str]) -> Slots:
    """The places of a job's executor.

    GPUs are shared out where this machine says which it has; elsewhere the engine takes the first ones.
    """
    executor = settings(submission)
    alike = LocalExecutor(max_parallel=executor.max_parallel, gpus=executor.gpus)
    if devices_of(alike, env):
        alike.gpus_per_task = max(0, executor.num_gpus or 0)
    return Slots(alike, env, busy)
