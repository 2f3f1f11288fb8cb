"""What a user asks of `nemorun run`, as data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nemorun_discover.config.project import DefaultRun


@dataclass(frozen=True, kw_only=True, slots=True)
class RunRequest:
    """The selection, the parameters and the limits of one run.

    Attributes:
        words: Positional arguments: paths, node ids, `key=value`, `@file`.
        keyword: `-k`.
        tags: `-m`.
        executors: `-e`, as often as it was given.
        sets: `--set`, as often as it was given.
        args: What followed `--`.
        everything: `--all`.
        last_failed: `--lf`.
        with_deps: `--with-deps`.
        title: `--name`; None to make one of the tasks' names.
        max_jobs: `-j`; None for no limit.
        maxfail: `--maxfail`, and 1 for `-x`; None for no limit.
        continue_on_collection_errors: Launch what could be collected.
        argv: The command line as typed.
    """

    words: tuple[str, ...] = ()
    keyword: str | None = None
    tags: str | None = None
    executors: tuple[str, ...] = ()
    sets: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    everything: bool = False
    last_failed: bool = False
    with_deps: bool = False
    title: str | None = None
    max_jobs: int | None = None
    maxfail: int | None = None
    continue_on_collection_errors: bool = False
    argv: tuple[str, ...] = ()


def with_default(request: RunRequest, default: DefaultRun) -> RunRequest:
    """The request with the selection of the config's `default`; what was typed wins over it."""
    typed = {word.partition("=")[0] for word in request.words}
    values = [word for word in _listed(default.set) if word.partition("=")[0] not in typed]
    return replace(
        request,
        words=(*_listed(default.args), *values, *request.words),
        keyword=default.k,
        tags=default.m,
        executors=request.executors or _listed(default.e),
        everything=default.k is None and default.m is None and not default.args,
    )


def _listed(value: str | list[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)
