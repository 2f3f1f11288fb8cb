"""The bash library that batch scripts source, as a file named by its content."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from pathlib import Path

_FILE = Path(__file__).with_name("batch.sh")


@cache
def library_text() -> bytes:
    """The library."""
    return _FILE.read_bytes()


def library_name() -> str:
    """Its name in the cluster's `packages/`."""
    return f"batch-{sha256(library_text()).hexdigest()[:16]}.sh"
