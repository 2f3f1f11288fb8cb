"""Times and durations, for people and for JSON."""

from __future__ import annotations

from datetime import UTC, datetime

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_TENTHS_BELOW_S = 10


def duration(seconds: float) -> str:
    """`0.4s`, `12s`, `1m03s`, `2h14m`, `3d05h`; never negative."""
    seconds = max(0.0, seconds)
    if seconds < _TENTHS_BELOW_S:
        return f"{int(seconds * 10) / 10:.1f}s"
    whole = int(seconds)
    if whole < _MINUTE:
        return f"{whole}s"
    if whole < _HOUR:
        return f"{whole // _MINUTE}m{whole % _MINUTE:02}s"
    if whole < _DAY:
        return f"{whole // _HOUR}h{whole % _HOUR // _MINUTE:02}m"
    return f"{whole // _DAY}d{whole % _DAY // _HOUR:02}h"


def age(at: datetime, now: datetime) -> str:
    """`just now`, `3 min ago`, `2 h ago`, `5 days ago`; a date after a month."""
    seconds = (now - at).total_seconds()
    if seconds < _MINUTE:
        return "just now"
    if seconds < _HOUR:
        return f"{int(seconds // _MINUTE)} min ago"
    if seconds < _DAY:
        return f"{int(seconds // _HOUR)} h ago"
    days = int(seconds // _DAY)
    if days == 1:
        return "1 day ago"
    return f"{days} days ago" if days <= 30 else f"{at.astimezone():%Y-%m-%d}"  # noqa: PLR2004 - a month


def local_time(at: datetime | None) -> str:
    """`2026-11-22 07:12:03` in this machine's time zone; `-` when it is not known."""
    return f"{at.astimezone():%Y-%m-%d %H:%M:%S}" if at else "-"


def rfc3339(at: datetime | None) -> str | None:
    """`2026-11-22T07:12:03Z`: whole seconds, which is the one form that jq's `fromdate` reads."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if at else None


def elapsed_s(started: datetime | None, ended: datetime | None, now: datetime) -> float | None:
    """Seconds from start to end, or to now; None before the start."""
    return ((ended or now) - started).total_seconds() if started else None
