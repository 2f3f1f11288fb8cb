"""Executors and launchers by the path that NeMo-Run's pages name them by (`run.core.execution.FaultTolerance`)."""

from __future__ import annotations

from nemorun_discover.executors.base import Executor
from nemorun_discover.executors.docker import DockerExecutor
from nemorun_discover.executors.launchers import FaultTolerance, Launcher, Torchrun
from nemorun_discover.executors.local import LocalExecutor
from nemorun_discover.executors.skypilot import SkypilotExecutor, SkypilotJobsExecutor
from nemorun_discover.executors.slurm import SlurmExecutor

__all__ = [
    "DockerExecutor",
    "Executor",
    "FaultTolerance",
    "Launcher",
    "LocalExecutor",
    "SkypilotExecutor",
    "SkypilotJobsExecutor",
    "SlurmExecutor",
    "Torchrun",
]
