"""Copy the outputs of jobs that ran on this machine, by the rules of those that come from elsewhere."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from nemorun_discover.schedulers.fetching import Fetched
from nemorun_discover.schedulers.landing import Landing, entries_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def copy_outputs(source: Path, into: Path, wants: Callable[[str], bool]) -> Fetched:
    """Copy what is not there and equal; what has been copied, or why not all."""
    landing = Landing(into)
    files = size_bytes = same = 0
    try:
        for entry in entries_of(source):
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
