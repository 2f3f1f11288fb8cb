"""The public names of nemorun; each is loaded when it is first used."""

from __future__ import annotations

TYPE_CHECKING = False  # typing's own constant costs an import; type checkers know the name

if TYPE_CHECKING:
    from nemorun_discover.api.experiment import Experiment
    from nemorun_discover.api.named_executor import import_executor
    from nemorun_discover.api.partial import Partial
    from nemorun_discover.api.result import Result
    from nemorun_discover.api.run import run
    from nemorun_discover.api.script import Script
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
    from nemorun_discover.executors.macros import ExecutorMacros
    from nemorun_discover.executors.packagers import (
        GitArchivePackager,
        HybridPackager,
        Packager,
        PatternPackager,
    )
    from nemorun_discover.executors.skypilot import SkypilotExecutor, SkypilotJobsExecutor
    from nemorun_discover.executors.slurm import SlurmExecutor
    from nemorun_discover.executors.torchx import TorchxExecutor
    from nemorun_discover.executors.tunnels import LocalTunnel, SSHTunnel
    from nemorun_discover.model.state import State
    from nemorun_discover.plugins.base import Plugin
    from nemorun_discover.plugins.specs import CliCommand, ExecutorKind, hookimpl
    from nemorun_discover.version import __version__
    from nemorun_discover.worker.context import (
        CurrentJob,
        UpstreamJob,
        current,
        upstream,
        upstreams,
    )
    from nemorun_discover.worker.preempt import on_preempt

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
    "TorchxExecutor": "nemorun_discover.executors.torchx",
    "LocalTunnel": "nemorun_discover.executors.tunnels",
    "SSHTunnel": "nemorun_discover.executors.tunnels",
    "Packager": "nemorun_discover.executors.packagers",
    "GitArchivePackager": "nemorun_discover.executors.packagers",
    "PatternPackager": "nemorun_discover.executors.packagers",
    "HybridPackager": "nemorun_discover.executors.packagers",
    "Launcher": "nemorun_discover.executors.launchers",
    "Torchrun": "nemorun_discover.executors.launchers",
    "FaultTolerance": "nemorun_discover.executors.launchers",
    "run": "nemorun_discover.api.run",
    "Experiment": "nemorun_discover.api.experiment",
    "Partial": "nemorun_discover.api.partial",
    "Script": "nemorun_discover.api.script",
    "Result": "nemorun_discover.api.result",
    "import_executor": "nemorun_discover.api.named_executor",
    "Plugin": "nemorun_discover.plugins.base",
    "hookimpl": "nemorun_discover.plugins.specs",
    "ExecutorKind": "nemorun_discover.plugins.specs",
    "CliCommand": "nemorun_discover.plugins.specs",
    "ExecutorMacros": "nemorun_discover.executors.macros",
    "State": "nemorun_discover.model.state",
    "CurrentJob": "nemorun_discover.worker.context",
    "UpstreamJob": "nemorun_discover.worker.context",
    "current": "nemorun_discover.worker.context",
    "upstream": "nemorun_discover.worker.context",
    "upstreams": "nemorun_discover.worker.context",
    "on_preempt": "nemorun_discover.worker.preempt",
}

__all__ = [
    "CliCommand",
    "CollectionError",
    "ConfigError",
    "CurrentJob",
    "DockerExecutor",
    "Executor",
    "ExecutorKind",
    "ExecutorMacros",
    "ExecutorRefused",
    "ExitCode",
    "Experiment",
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
    "Partial",
    "PatternPackager",
    "Plugin",
    "Result",
    "SSHTunnel",
    "Script",
    "SkypilotExecutor",
    "SkypilotJobsExecutor",
    "SlurmExecutor",
    "State",
    "StoreError",
    "Torchrun",
    "TorchxExecutor",
    "UpstreamJob",
    "UsageError",
    "WaitTimeout",
    "__version__",
    "current",
    "hookimpl",
    "import_executor",
    "on_preempt",
    "parametrize",
    "run",
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
