"""Durations as people and Slurm write them, to seconds."""

from __future__ import annotations

import re

_UNITS = re.compile(
    r"(?:(?P<d>\d+(?:\.\d+)?)d)?(?:(?P<h>\d+(?:\.\d+)?)h)?"
    r"(?:(?P<m>\d+(?:\.\d+)?)m)?(?:(?P<s>\d+(?:\.\d+)?)s)?",
    re.ASCII,
)
_CLOCK = re.compile(r"(?:(?P<h>\d+):)?(?P<m>\d+):(?P<s>\d+)", re.ASCII)
# Slurm's `days-hours`, `days-hours:minutes` and `days-hours:minutes:seconds` (sbatch --time).
_DAYS = re.compile(r"(?P<d>\d+)-(?P<h>\d+)(?::(?P<m>\d+)(?::(?P<s>\d+))?)?", re.ASCII)
_SECONDS = re.compile(r"(?P<s>\d+(?:\.\d+)?)", re.ASCII)
_SECONDS_IN = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}

DURATION_HINT = 'write seconds, or text such as "90s", "30m", "1h30m", "1:30:00" or "1-12:00:00"'


def parse_duration_s(text: str) -> float:
    """Read "90", "90s", "30m", "1h30m", "2d", "MM:SS", "1:30:00" or "D-HH[:MM[:SS]]".

    A number without a unit is seconds (not minutes, as in Slurm).

    Raises:
        ValueError: The text is none of these, or is zero.
    """
    compact = text.replace(" ", "")
    for form in (_SECONDS, _UNITS, _CLOCK, _DAYS):
        found = form.fullmatch(compact)
        if found and compact:
            seconds = sum(
                float(amount) * _SECONDS_IN[unit]
                for unit, amount in found.groupdict().items()
                if amount
            )
            if 0 < seconds < float("inf"):
                return seconds
    raise ValueError(f"{text!r} is not a duration")
