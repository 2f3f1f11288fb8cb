"""How many jobs of a local executor run at once, and which GPUs each of them sees."""

from __future__ import annotations

import os
from collections import Counter
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

from nemorun_discover.errors import ExecutorRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from nemorun_discover.executors.local import LocalExecutor
    from nemorun_discover.schedulers.protocol import Submission

GPU_DEVICES = "/proc/driver/nvidia/gpus"


def devices_of(executor: LocalExecutor, env: Mapping[str, str]) -> tuple[str, ...]:
    """The GPUs that jobs share: the executor's own list, else CUDA_VISIBLE_DEVICES, else all there are."""
    if executor.gpus is not None:
        return tuple(executor.gpus)
    visible = env.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        named = (one.strip() for one in visible.split(","))
        # As CUDA reads it: -1, or any word that names no device, hides itself and all that follow.
        return tuple(takewhile(_is_device, named))
    try:
        return tuple(str(number) for number in range(len(list(Path(GPU_DEVICES).iterdir()))))
    except OSError:
        return ()


class Slots:
    """The places of one executor; a job keeps its place and its GPUs until it is released.

    A job takes one place however many processes it has, and GPUs for all of them.

    Args:
        executor: Whose places.
        env: The caller's environment.
        busy: The GPUs that are taken, shared with the other executors of this machine; they may have the
            same ones.
    """

    def __init__(
        self, executor: LocalExecutor, env: Mapping[str, str], busy: set[str] | None = None
    ) -> None:
        self._places = executor.max_parallel or _cores()
        self._gpus_per_job = executor.gpus_per_task * executor.ntasks_per_node
        self._devices = devices_of(executor, env)
        self._busy = set() if busy is None else busy
        self._taken: dict[str, tuple[str, ...]] = {}

    def has_room(self, jobs: int = 1) -> bool:
        """True when so many more jobs could start now, together.

        Jobs that start together and are more than there are places start when no other job runs.
        """
        has_places = not self._taken or len(self._taken) + jobs <= self._places
        return has_places and len(self._free()) >= jobs * self._gpus_per_job

    def can_ever_have_room(self, jobs: int) -> bool:
        """False when so many jobs together want more GPUs than there are."""
        return len(self._devices) >= jobs * self._gpus_per_job

    def take(self, job_id: str) -> tuple[str, ...]:
        """Give the job a place; returns its GPUs, the first free ones."""
        devices = tuple(self._free()[: self._gpus_per_job])
        self.keep(job_id, devices)
        return devices

    def keep(self, job_id: str, devices: tuple[str, ...]) -> None:
        """Note that a job which already runs holds a place and these GPUs."""
        # A job that was given none of its own sees the caller's, and holds none of them.
        self._taken[job_id] = devices if self._gpus_per_job else ()
        self._busy.update(self._taken[job_id])

    def release(self, job_id: str) -> None:
        """Take the job's place back."""
        self._busy.difference_update(self._taken.pop(job_id, ()))

    def _free(self) -> list[str]:
        return [one for one in self._devices if one not in self._busy]


def have_room(
    submissions: Sequence[Submission], slots_of: Callable[[Submission], Slots], *, gpus_field: str
) -> bool:
    """True when each executor has as many free places as it has jobs here, and free GPUs for all of them.

    Args:
        submissions: Jobs that start together.
        slots_of: The places of a job's executor.
        gpus_field: The field of those executors that says how many GPUs a job takes.

    Raises:
        ExecutorRefused: They want more GPUs than there are.
    """
    by_executor = Counter(one.job.executor for one in submissions)
    slots = {one.job.executor: slots_of(one) for one in submissions}
    for name, jobs in by_executor.items():
        if not slots[name].can_ever_have_room(jobs):
            raise ExecutorRefused(
                f"{name}: {jobs} jobs that start together want more GPUs than this machine offers",
                hint=f"lower {gpus_field}, or put fewer jobs into the group",
            )
    return all(slots[name].has_room(jobs) for name, jobs in by_executor.items())


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1  # macOS ties no process to cores


def _is_device(word: str) -> bool:
    return word.isdigit() or word.startswith(("GPU-", "MIG-"))
