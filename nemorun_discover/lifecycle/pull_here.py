"""Copy the outputs of jobs that ran on this machine, by the rules of those that come from elsewhere."""

from __future__ import annotations

import os
import shutil
import stat
from typing import TYPE_CHECKING, Literal

from nemorun_discover.schedulers.fetching import Fetched
from nemorun_discover.schedulers.landing import Entry, Landing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


def copy_outputs(source: Path, into: Path, wants: Callable[[str], bool]) -> Fetched:
    """Copy what is not there and equal; what has been copied, or why not all."""
    landing = Landing(into)
    files = size_bytes = same = 0
    try:
        for entry in _entries(source):
            if not wants(entry.path):
                continue
            if landing.has(entry):
                same += entry.kind != "d"
                continue
            if entry.kind == "f":
                with (
                    (source / entry.path).open("rb") as old,
                    landing.gather(entry, anew=True) as new,
                ):
                    shutil.copyfileobj(old, new)
                size_bytes += entry.size
            landing.put(entry)
            files += entry.kind != "d"
        landing.finish()
    except OSError as error:
        trouble = f"{error.filename}: {error.strerror}"
        return Fetched(files=files, size_bytes=size_bytes, same=same, trouble=trouble)
    return Fetched(files=files, size_bytes=size_bytes, same=same)


def _entries(source: Path) -> Iterator[Entry]:
    """All below a folder, each folder before what is in it; nothing where there is none."""
    for folder, folders, files in os.walk(source):
        for name in sorted((*folders, *files)):
            place = os.path.join(folder, name)  # noqa: PTH118 - a name may be no text
            found = os.lstat(place)
            kind = _kind(found.st_mode)
            if kind is not None:
                yield Entry(
                    path=os.path.relpath(place, source),
                    kind=kind,
                    mode=stat.S_IMODE(found.st_mode),
                    size=found.st_size,
                    mtime_ns=found.st_mtime_ns,
                    target=os.readlink(place) if kind == "l" else "",  # noqa: PTH115 - likewise
                )


def _kind(mode: int) -> Literal["f", "d", "l"] | None:
    if stat.S_ISREG(mode):
        return "f"
    if stat.S_ISDIR(mode):
        return "d"
    return "l" if stat.S_ISLNK(mode) else None
