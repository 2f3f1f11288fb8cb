"""Import paramiko without `invoke`, of which it wants one call that is not made here (`Match exec`)."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import Any

_NOT_NEEDED = "invoke"  # it imports asyncio and unittest.mock: more than half of paramiko's own time (3.5 to 5.1)


def import_paramiko() -> None:
    """Import it; whoever imports it afterwards gets the same."""
    if "paramiko" in sys.modules or _NOT_NEEDED in sys.modules:
        return
    modules: dict[str, Any] = sys.modules
    modules[_NOT_NEEDED] = None  # an import of it fails at once, which paramiko provides for
    try:
        import paramiko  # noqa: F401, PLC0415
    finally:
        with suppress(KeyError):
            del modules[_NOT_NEEDED]
