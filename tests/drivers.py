"""The processes that drive experiments, found as a person finds them: `ps` shows what the experiment's id ends in."""

from __future__ import annotations

import subprocess

from nemorun_discover.lifecycle.standby import DRIVER_MODULE


def drivers_of(experiment: str) -> list[int]:
    """Their pids; there is one at most, but for moments."""
    return [
        pid
        for pid, args in _drivers()
        # Behind the home: the name, and a number where a login may ask.
        if any(f"-{experiment}".endswith(f"-{word}") for word in args.split()[1:])
    ]


def drivers_in(home: str) -> list[int]:
    """The pids of all that have experiments of this home, or wait for one."""
    return [pid for pid, args in _drivers() if args.startswith(f"{home} ")]


def _drivers() -> list[tuple[int, str]]:
    """By pid, what stands behind the module's name."""
    listing = subprocess.run(
        ["ps", "-eo", "pid,args", "-ww"], capture_output=True, text=True, check=True
    ).stdout
    rows = [line.split(None, 1) for line in listing.splitlines()[1:]]
    return [
        (int(pid), args.partition(f"{DRIVER_MODULE} ")[2])
        for pid, args in rows
        if f"{DRIVER_MODULE} " in args
    ]
