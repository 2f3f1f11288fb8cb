"""One engine for all test processes: the first starts it, the last stops it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.services.docker import engine
from tests.services.users import shared

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def borrowed(base: Path | None = None) -> Iterator[engine.Engine]:
    """The engine, started if need be; stopped at the end unless others use it."""
    with shared(
        base or engine.default_base(), engine.started, lambda _, running: running.remove()
    ) as running:
        yield running
