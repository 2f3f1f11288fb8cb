"""Sizes, for people."""

from __future__ import annotations

_THOUSAND = 1000
_UNITS = ("kB", "MB", "GB", "TB")


def size_words(size_bytes: int) -> str:
    """`812 bytes`, `3.4 kB`, `1.2 GB`; a thousand of each is one of the next."""
    if size_bytes < _THOUSAND:
        return "1 byte" if size_bytes == 1 else f"{size_bytes} bytes"
    power = 1
    while size_bytes >= _THOUSAND ** (power + 1) and power < len(_UNITS):
        power += 1
    return f"{size_bytes / _THOUSAND**power:.1f} {_UNITS[power - 1]}"
