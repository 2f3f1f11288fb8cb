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
    "ExecutorRefused",
    "ExitCode",
    "JobFailed",
    "NemorunError",
    "NothingSelected",
    "OutsideJob",
    "StoreError",
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
