"""`import nemorun`: the public face of nemorun_discover, as pytest is to _pytest."""

from __future__ import annotations

import nemorun_discover as _nemorun_discover

TYPE_CHECKING = False

if TYPE_CHECKING:
    from nemorun_discover import *  # noqa: F403

__all__ = _nemorun_discover.__all__


def __getattr__(name: str) -> object:
    if name == "core":  # `run.core.execution.FaultTolerance`, as NeMo-Run's pages have it
        import nemorun.core.execution  # noqa: PLC0415 - only those who write so need it

        return nemorun.core
    return getattr(_nemorun_discover, name)


def __dir__() -> list[str]:
    return _nemorun_discover.__dir__()
