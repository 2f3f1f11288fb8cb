"""A first nemorun.toml and an example task, for `nemorun init`."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nemorun_discover.config.locate import FILE_NAME, PYPROJECT, has_table
from nemorun_discover.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

_CONFIG = """\
# Configuration of nemorun. Every key: docs/configuration.md, or `nemorun config --show-origin`.

[project]
name = {name}
paths = ["."]                     # where tasks and executors.py are looked for
default = {{ k = "hello" }}         # what a bare `nemorun run` runs
# default_executor = "local"      # without -e
# pythonpath = ["src"]            # put on sys.path for tasks

# The executor `local` is always there; this changes its settings.
# [profiles.local]
# max_parallel = 2
# env_vars = {{ OMP_NUM_THREADS = "4" }}

# A Slurm cluster, reached over SSH. `nemorun run -k hello -e cluster` runs there.
# [profiles.cluster]
# kind = "slurm"
# account = "${{env:SLURM_ACCOUNT:-my_account}}"
# partition = "batch"
# time = "00:30:00"
# tunnel = {{ kind = "ssh", host = "login.example.org" }}

# Other defaults for the parameters of a task found in code.
# [tasks.hello]
# params = {{ name = "you" }}

# A script as a task.
# [tasks.prepare]
# script = "scripts/prepare.sh"
# params = {{ size = 100 }}
"""

_TASK = '''\
"""An example task: `nemorun run -k hello`, or `nemorun run -k hello name=you,me` for one job each."""

import nemorun


@nemorun.task
def hello(name: str = "world") -> str:
    """Greet someone."""
    print(f"hello, {name}")
    return f"hello, {name}"
'''


@dataclass(frozen=True, kw_only=True, slots=True)
class Created:
    """A file that was written."""

    path: Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Skipped:
    """A file that was there already, and was kept as it is."""

    path: Path


def init_project(directory: Path) -> list[Created | Skipped]:
    """Write a commented nemorun.toml and an example task; what is there is never overwritten.

    Returns:
        Each file in turn: created, or kept.

    Raises:
        ConfigError: The directory has a configuration already, or cannot be written to; then
            nothing has been written.
    """
    config, task = directory / FILE_NAME, directory / "tasks" / "hello.py"
    _refuse_configured(directory)
    done: list[Path] = []
    try:
        kept = os.path.lexists(task)
        if not kept:
            _write_task(task, done)
        _create(config, _CONFIG.format(name=_quoted(directory)), done)
    except OSError as error:
        _undo(done)
        reason = error.strerror or str(error)
        raise ConfigError(f"{directory}: cannot be written to: {reason}") from error
    outcome: Created | Skipped = Skipped(path=task) if kept else Created(path=task)
    return [Created(path=config), outcome]


def _refuse_configured(directory: Path) -> None:
    if os.path.lexists(directory / FILE_NAME):
        raise ConfigError(f"{directory / FILE_NAME} exists already", hint="nothing was written")
    if has_table(directory / PYPROJECT):
        raise ConfigError(
            f"{directory / PYPROJECT} has a [tool.nemorun] table already",
            hint="nothing was written",
        )


def _write_task(task: Path, done: list[Path]) -> None:
    """Create the task's file, and its folder if need be."""
    if not task.parent.is_dir():
        task.parent.mkdir()
        done.append(task.parent)
    _create(task, _TASK, done)


def _create(path: Path, text: str, done: list[Path]) -> None:
    # "x" refuses a file that has appeared since we looked.
    with path.open("x", encoding="utf-8") as file:
        done.append(path)
        file.write(text)


def _undo(done: list[Path]) -> None:
    for path in reversed(done):
        if path.is_dir():
            path.rmdir()
        else:
            path.unlink(missing_ok=True)


def _quoted(directory: Path) -> str:
    """The directory's name as a string of TOML."""
    import tomlkit  # noqa: PLC0415 - 10 ms that only init needs

    name = os.fsencode(directory.absolute().name or "project").decode("utf-8", "replace")
    return tomlkit.item(name).as_string()
