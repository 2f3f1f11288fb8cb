"""How large a package may be: checked by what the file system says, before anything is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nemorun_discover.errors import UsageError
from nemorun_discover.packaging.listing import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nemorun_discover.packaging.disk import Disk
    from nemorun_discover.packaging.gathered import Source

_MB = 1_000_000
_LARGEST = 10


def check_size(files: Mapping[str, Source], disk: Disk, limit_mb: float) -> int:
    """The size of all files together.

    Args:
        files: By path in the package.
        disk: Has seen all that is on it.
        limit_mb: In units of 10^6 bytes; 0 for no limit.

    Raises:
        UsageError: It is over the limit; the ten largest files are named.
    """
    states = disk.states
    sizes = [
        states[source][2] if isinstance(source, str) else source.size for source in files.values()
    ]
    size_bytes = sum(sizes)
    if not limit_mb or size_bytes <= limit_mb * _MB:
        return size_bytes
    largest = sorted(zip(sizes, files, strict=True), reverse=True)[:_LARGEST]
    named = ", ".join(f"{shown(path)} ({_mb(size)})" for size, path in largest)
    which = f"the {_LARGEST} largest are" if len(files) > _LARGEST else "they are"
    raise UsageError(
        f"the package would have {_mb(size_bytes)} in {len(files)} files, over its limit of"
        f" {limit_mb:g} MB; {which} {named}",
        hint="name in .nemorunignore what jobs do not need, or raise the packager's size_limit_mb",
    )


def _mb(size_bytes: int) -> str:
    return f"{size_bytes / _MB:.1f} MB" if size_bytes >= _MB // 10 else f"{size_bytes} B"
