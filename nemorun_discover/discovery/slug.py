"""The folder of a job: its id, made safe for any file system, container mount and scheduler."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_LONGEST_BYTES = 100
_DIGITS = 6
# Commas and colons separate mounts (docker --mount, pyxis --container-mounts).
_UNSAFE = re.compile(r"[^A-Za-z0-9._+=@-]+")


def slugs_of(ids: Sequence[str]) -> list[str]:
    """One folder name per id: `train[lr=0.1]@local` becomes `train-lr=0.1@local`.

    Args:
        ids: Each once.

    Returns:
        At most 100 ASCII characters each, unique even where case does not count. A name that lost
        something ends in the first digits of the id's SHA-256.
    """
    readable = [_readable(one) for one in ids]
    times = Counter(name.casefold() for name, _ in readable)
    found: list[str] = []
    taken = {folded for folded, count in times.items() if count == 1}
    for identity, (name, is_whole) in zip(ids, readable, strict=True):
        if is_whole and times[name.casefold()] == 1:
            found.append(name)
            continue
        found.append(_with_digest(name, identity, taken))
        taken.add(found[-1].casefold())
    return found


def _readable(identity: str) -> tuple[str, bool]:
    """The id in safe characters, and whether it can still be read back from them."""
    plain = identity.replace("]", "").replace("[", "-").replace(",", "-")
    safe = _UNSAFE.sub("-", plain).strip("-.")
    return safe, safe == plain and len(safe) <= _LONGEST_BYTES


def _with_digest(name: str, identity: str, taken: set[str]) -> str:
    # 15 ms to import, and most names need no digest.
    from hashlib import sha256  # noqa: PLC0415

    digest = sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()
    digits = _DIGITS
    while True:
        end = f"-{digest[:digits]}"
        slug = f"{name[: _LONGEST_BYTES - len(end)]}{end}".lstrip("-")
        if slug.casefold() not in taken or digits >= len(digest):
            return slug
        digits += _DIGITS
