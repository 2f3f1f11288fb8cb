"""The global options, resolved: what every command receives as its first argument."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """What was said on the command line that concerns every command.

    Attributes:
        directory: Where nemorun works, absolute: `-C`, else the current directory.
        config_file: `-c`, absolute; None to look for one.
        overrides: `-o key=value`, in order.
        verbosity: The number of `-v` less the number of `-q`.
        color: `auto`, `yes` or `no`.
        json: The answer is wanted as JSON.
        without_plugins: Names of installed plugins that are switched off, `-p no:NAME`.
        rest: What followed `--`; None when there was no `--`.
        all_projects: `-a`: the last experiment, where none is named, is the last of all projects.
        argv: The whole command line as typed, without the program's name.
    """

    directory: Path
    config_file: Path | None = None
    overrides: tuple[str, ...] = ()
    verbosity: int = 0
    color: str = "auto"
    json: bool = False
    without_plugins: tuple[str, ...] = ()
    rest: tuple[str, ...] | None = None
    all_projects: bool = False
    argv: tuple[str, ...] = ()
