"""Executor factories of this project: `-e small_local`, or a profile with `factory = "small_local"`."""

from __future__ import annotations

import nemorun


def small_local(max_parallel: int = 1) -> nemorun.LocalExecutor:
    """This machine, a few jobs at a time, one thread each."""
    return nemorun.LocalExecutor(
        max_parallel=max_parallel,
        env_vars={"OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"},
    )
