"""The selection of one `nemorun list`, as it was typed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class ListRequest:
    """What narrows a listing; by default nothing does."""

    words: tuple[str, ...] = ()
    keyword: str | None = None
    tags: str | None = None
    executors: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
