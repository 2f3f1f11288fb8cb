"""Whole processes by the clock: the commands take turns, so that a slow minute slows all of them."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_LONGEST_S = 900


class BenchmarkError(Exception):
    """A command did not do what was to be measured, so that its time means nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """What every benchmark is given.

    Attributes:
        workdir: An empty directory of its own, deleted afterwards.
        peers: Where the peers' virtualenvs are kept between runs.
        repeat: How often each command is timed.
    """

    workdir: Path
    peers: Path
    repeat: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """A process to time.

    Attributes:
        home: Its HOME, which NEMORUN_HOME lies in.
        is_first: The home is emptied before every run, so that nothing is cached in it.
        before: A command that is run before every run, and is not timed.
    """

    argv: tuple[str, ...]
    cwd: Path
    home: Path
    is_first: bool = False
    before: tuple[str, ...] = ()


def nemorun_argv(*arguments: str) -> tuple[str, ...]:
    """The `nemorun` of the running interpreter's environment, called with these arguments."""
    script = Path(sys.executable).with_name("nemorun")
    if script.exists():
        return (str(script), *arguments)
    return (sys.executable, "-m", "nemorun_discover.cli.main", *arguments)


def output_of(command: Command) -> str:
    """What the command prints on stdout.

    Raises:
        BenchmarkError: It failed, or took longer than a quarter of an hour.
    """
    command.home.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        command.argv,
        cwd=command.cwd,
        env=_environment(command),
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=_LONGEST_S,
    )
    if done.returncode:
        end = (done.stdout + done.stderr)[-2000:]
        raise BenchmarkError(f"{' '.join(command.argv)[:200]}: exit {done.returncode}\n{end}")
    return done.stdout


def medians(commands: Mapping[str, Command], repeat: int) -> dict[str, float]:
    """Median seconds of each command, by name; one more run of each before them is not counted."""
    times: dict[str, list[float]] = {name: [] for name in commands}
    for turn in range(repeat + 1):
        for name, command in commands.items():
            took = seconds_of(command)
            if turn > 0:  # the one before wrote the bytecode and warmed the disk's cache
                times[name].append(took)
    return {name: statistics.median(values) for name, values in times.items()}


def seconds_of(command: Command) -> float:
    """Seconds of one run, of a command that was run before."""
    if command.is_first:
        shutil.rmtree(command.home, ignore_errors=True)
    if command.before:
        output_of(Command(argv=command.before, cwd=command.cwd, home=command.home))
    started = time.perf_counter()
    output_of(command)
    return time.perf_counter() - started


def _environment(command: Command) -> dict[str, str]:
    # The command's own interpreter first, as in an activated virtualenv: nemo_run starts `bash` and
    # `python` from PATH.
    path = os.pathsep.join((str(Path(command.argv[0]).parent), os.environ["PATH"]))
    kept = {
        key: os.environ[key]
        for key in ("LANG", "LC_ALL", "TMPDIR", "DOCKER_HOST")
        if key in os.environ
    }
    return {
        **kept,
        "PATH": path,
        "HOME": str(command.home),
        "NEMORUN_HOME": str(command.home / ".run"),
        "NO_COLOR": "1",
    }
