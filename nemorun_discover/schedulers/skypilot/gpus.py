"""The nearest names to a type of GPU that no catalog has."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from nemorun_discover.errors import ExecutorRefused

if TYPE_CHECKING:
    from nemorun_discover.schedulers.skypilot.run import Run
    from nemorun_discover.schedulers.skypilot.sdk import Sky

_SHOWN = 3


def with_nearest_gpus(error: ExecutorRefused, run: Run, sky: Sky) -> ExecutorRefused:
    """The error, with what was meant where a type of GPU is one that nobody knows."""
    asked: str | list[str] | None = getattr(run.submission.executor, "gpus", None)
    names = [asked] if isinstance(asked, str) else asked or []
    known = sky.known_gpus() if names else []
    by_word = {one.lower(): one for one in known}
    for name in names:
        word = name.partition(":")[0].lower()
        near = get_close_matches(word, by_word, n=_SHOWN)
        if word not in by_word and near:
            meant = " or ".join(by_word[one] for one in near)
            return ExecutorRefused(error.message, hint=f"did you mean {meant}?")
    return error
