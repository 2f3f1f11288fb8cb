"""`import nemorun`: the public face of nemorun_discover, as pytest is to _pytest."""

from __future__ import annotations

import nemorun_discover as _nemorun_discover

TYPE_CHECKING = False

if TYPE_CHECKING:
    from nemorun_discover import *  # noqa: F403

__all__ = _nemorun_discover.__all__


def __getattr__(name: str) -> object:
    return getattr(_nemorun_discover, name)


def __dir__() -> list[str]:
    return _nemorun_discover.__dir__()
