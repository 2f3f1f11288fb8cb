"""Where the configuration files are."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from nemorun_discover.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FILE_NAME = "nemorun.toml"
PYPROJECT = "pyproject.toml"
CONFIG_VARIABLE = "NEMORUN_CONFIG"


def find_config(directory: Path, env: Mapping[str, str], given: Path | None = None) -> Path | None:
    """The project's configuration file.

    That is the file given, else the one NEMORUN_CONFIG names, else the nearest `nemorun.toml` (or
    `pyproject.toml` with a `[tool.nemorun]`) from the directory upward, as far as the root of the
    repository or the home directory.

    Args:
        directory: Absolute; where nemorun works.
        env: The environment.
        given: `-c FILE`; relative to the directory.

    Returns:
        The file, absolute; None when there is none.

    Raises:
        ConfigError: The file given, or named by NEMORUN_CONFIG, does not exist.
    """
    if given is not None:
        return _existing(directory / given, f"-c {given}")
    named = env.get(CONFIG_VARIABLE)
    if named:
        return _existing(directory / Path(named).expanduser(), f"{CONFIG_VARIABLE}={named}")
    for folder in _upward(directory, env):
        # What is there under this name is meant, even if it turns out not to be readable.
        if os.path.lexists(folder / FILE_NAME):
            return folder / FILE_NAME
        if has_table(folder / PYPROJECT):
            return folder / PYPROJECT
    return None


def repository_of(directory: Path, env: Mapping[str, str]) -> Path | None:
    """The root of the git repository that holds a directory; a home directory under git is none."""
    for folder in _upward(directory, env):
        if os.path.lexists(folder / ".git") and str(folder) != env.get("HOME"):
            return folder
    return None


def has_table(pyproject: Path) -> bool:
    """True when a pyproject.toml holds a `[tool.nemorun]`, or seems to and is broken."""
    try:
        content = pyproject.read_bytes()
    except OSError:
        return False
    # Most pyproject.toml on the way up have nothing to do with us: not parsed at all.
    if b"nemorun" not in content:
        return False
    try:
        parsed = tomllib.loads(content.decode())
    except (ValueError, RecursionError):
        return b"[tool.nemorun" in content
    tool = parsed.get("tool")
    return isinstance(tool, dict) and "nemorun" in tool


def user_config_file() -> Path:
    """Where the user's own file is, below every project's: the platform's directory for such."""
    from platformdirs import user_config_path  # noqa: PLC0415 - 10 ms, not paid by an import of this

    return user_config_path("nemorun") / "config.toml"


def user_cache_dir() -> Path:
    """Where earlier scans of projects are kept: the platform's directory for what may be lost."""
    from platformdirs import user_cache_path  # noqa: PLC0415 - likewise

    return user_cache_path("nemorun")


def shown(path: Path) -> str:
    """A path as messages show it: with `~` for the home directory."""
    home = Path("~").expanduser()
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)


def _existing(path: Path, said: str) -> Path:
    if not os.path.lexists(path):
        raise ConfigError(f"{said}: there is no such file")
    return Path(os.path.abspath(path))  # noqa: PTH100 - a link stays what it is


def _upward(directory: Path, env: Mapping[str, str]) -> Iterator[Path]:
    home = env.get("HOME")
    for folder in (directory, *directory.parents):
        yield folder
        if os.path.lexists(folder / ".git") or str(folder) == home:
            return
