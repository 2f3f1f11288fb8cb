"""The public names of nemorun; each is loaded when it is first used."""

from __future__ import annotations

TYPE_CHECKING = False  # typing's own constant costs an import; type checkers know the name

if TYPE_CHECKING:
    from nemorun_discover.discovery.decorator import parametrize, task
    from nemorun_discover.errors import (
        CollectionError,
        ConfigError,
        ExecutorRefused,
        ExitCode,
        JobFailed,
        NemorunError,
        NothingSelected,
        OutsideJob,
        StoreError,
        UsageError,
        WaitTimeout,
    )
    from nemorun_discover.executors.base import Executor
    from nemorun_discover.executors.docker import DockerExecutor
    from nemorun_discover.executors.launchers import FaultTolerance, Launcher, Torchrun
    from nemorun_discover.executors.local import LocalExecutor
    from nemorun_discover.executors.packagers import (
        GitArchivePackager,
        HybridPackager,
        Packager,
        PatternPackager,
    )
    from nemorun_discover.executors.skypilot import SkypilotExecutor, SkypilotJobsExecutor
    from nemorun_discover.executors.slurm import SlurmExecutor
    from nemorun_discover.executors.tunnels import LocalTunnel, SSHTunnel
    from nemorun_discover.version import __version__
    from nemorun_discover.worker.context import (
        CurrentJob,
        UpstreamJob,
        current,
        upstream,
        upstreams,
    )

_HOME_OF = {
    "parametrize": "nemorun_discover.discovery.decorator",
    "task": "nemorun_discover.discovery.decorator",
    "CollectionError": "nemorun_discover.errors",
    "ConfigError": "nemorun_discover.errors",
    "ExecutorRefused": "nemorun_discover.errors",
    "ExitCode": "nemorun_discover.errors",
    "JobFailed": "nemorun_discover.errors",
    "NemorunError": "nemorun_discover.errors",
    "NothingSelected": "nemorun_discover.errors",
    "OutsideJob": "nemorun_discover.errors",
    "StoreError": "nemorun_discover.errors",
    "UsageError": "nemorun_discover.errors",
    "WaitTimeout": "nemorun_discover.errors",
    "__version__": "nemorun_discover.version",
    "Executor": "nemorun_discover.executors.base",
    "LocalExecutor": "nemorun_discover.executors.local",
    "DockerExecutor": "nemorun_discover.executors.docker",
    "SlurmExecutor": "nemorun_discover.executors.slurm",
    "SkypilotExecutor": "nemorun_discover.executors.skypilot",
    "SkypilotJobsExecutor": "nemorun_discover.executors.skypilot",
    "LocalTunnel": "nemorun_discover.executors.tunnels",
    "SSHTunnel": "nemorun_discover.executors.tunnels",
    "Packager": "nemorun_discover.executors.packagers",
    "GitArchivePackager": "nemorun_discover.executors.packagers",
    "PatternPackager": "nemorun_discover.executors.packagers",
    "HybridPackager": "nemorun_discover.executors.packagers",
    "Launcher": "nemorun_discover.executors.launchers",
    "Torchrun": "nemorun_discover.executors.launchers",
    "FaultTolerance": "nemorun_discover.executors.launchers",
    "CurrentJob": "nemorun_discover.worker.context",
    "UpstreamJob": "nemorun_discover.worker.context",
    "current": "nemorun_discover.worker.context",
    "upstream": "nemorun_discover.worker.context",
    "upstreams": "nemorun_discover.worker.context",
}

__all__ = [
    "CollectionError",
    "ConfigError",
    "CurrentJob",
    "DockerExecutor",
    "Executor",
    "ExecutorRefused",
    "ExitCode",
    "FaultTolerance",
    "GitArchivePackager",
    "HybridPackager",
    "JobFailed",
    "Launcher",
    "LocalExecutor",
    "LocalTunnel",
    "NemorunError",
    "NothingSelected",
    "OutsideJob",
    "Packager",
    "PatternPackager",
    "SSHTunnel",
    "SkypilotExecutor",
    "SkypilotJobsExecutor",
    "SlurmExecutor",
    "StoreError",
    "Torchrun",
    "UpstreamJob",
    "UsageError",
    "WaitTimeout",
    "__version__",
    "current",
    "parametrize",
    "task",
    "upstream",
    "upstreams",
]


def __getattr__(name: str) -> object:
    """Load a public name from its module (PEP 562)."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - paid by the first use, not by the import

    value = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME_OF})
