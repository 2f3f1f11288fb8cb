"""How many jobs of a local executor run at once, and which GPUs each of them sees."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nemorun_discover.executors.local import LocalExecutor

GPU_DEVICES = "/proc/driver/nvidia/gpus"


def devices_of(executor: LocalExecutor, env: Mapping[str, str]) -> tuple[str, ...]:
    """The GPUs that jobs share: the executor's own list, else CUDA_VISIBLE_DEVICES, else all there are."""
    if executor.gpus is not None:
        return tuple(executor.gpus)
    visible = env.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return tuple(one.strip() for one in visible.split(",") if one.strip())
    try:
        return tuple(str(number) for number in range(len(list(Path(GPU_DEVICES).iterdir()))))
    except OSError:
        return ()


class Slots:
    """The places of one executor; a job keeps its place and its GPUs until it is released."""

    def __init__(self, executor: LocalExecutor, env: Mapping[str, str]) -> None:
        self._places = executor.max_parallel or len(os.sched_getaffinity(0))
        self._gpus_per_job = executor.gpus_per_task
        self._free = list(devices_of(executor, env))
        self._taken: dict[str, tuple[str, ...]] = {}

    def has_room(self) -> bool:
        """True when one more job could start now."""
        return len(self._taken) < self._places and len(self._free) >= self._gpus_per_job

    def take(self, job_id: str) -> tuple[str, ...]:
        """Give the job a place; returns its GPUs, the lowest free ones."""
        devices = tuple(self._free[: self._gpus_per_job])
        self.keep(job_id, devices)
        return devices

    def keep(self, job_id: str, devices: tuple[str, ...]) -> None:
        """Note that a job which already runs holds a place and these GPUs."""
        self._free = [one for one in self._free if one not in devices]
        self._taken[job_id] = devices

    def release(self, job_id: str) -> None:
        """Take the job's place back."""
        self._free = sorted([*self._free, *self._taken.pop(job_id, ())], key=_by_number)


def _by_number(device: str) -> tuple[int, str]:
    return (int(device), "") if device.isdigit() else (1 << 30, device)
