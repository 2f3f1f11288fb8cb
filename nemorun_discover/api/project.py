"""The project of a script that launches: the nearest configuration's, or where the script lies."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from nemorun_discover.api.functions import MAIN, is_installed, real_file
from nemorun_discover.config.load import load_config
from nemorun_discover.errors import UsageError
from nemorun_discover.model.record import Project

if TYPE_CHECKING:
    from nemorun_discover.config.load import Config


def current_project() -> Project:
    """The project that this process launches from.

    Raises:
        ConfigError: Its configuration cannot be read.
        UsageError: The working directory is gone.
    """
    try:
        cwd = Path.cwd()
    except FileNotFoundError as error:
        raise UsageError("the working directory is not there any more") from error
    script = launching_script()
    config = _config_around(script, cwd)
    if config is None:
        near = cwd if script is None else script.parent
        return Project(root=str(near), name=near.name, pythonpath=_import_paths(near))
    own = tuple(config.project.pythonpath)
    root = Path(os.path.realpath(config.root))
    return Project(
        root=str(root),
        name=config.project.name,
        config=None if config.file is None else str(config.file),
        pythonpath=tuple(dict.fromkeys((*own, *_import_paths(root)))),
    )


def launching_script() -> Path | None:
    """The user's own script; None in an interactive session, and under an installed program."""
    script = real_file(sys.modules[MAIN])
    if script is None:
        return None
    is_program = script.parent == Path(os.path.realpath(Path(sys.executable).parent))
    return None if is_program or is_installed(script) else script


def _config_around(script: Path | None, cwd: Path) -> Config | None:
    """The configuration whose project holds the script; None where the script stands alone."""
    found = load_config(cwd if script is None else script.parent)
    if script is None or (found.file is not None and _holds(found.root, script)):
        return found
    here = load_config(cwd)
    is_home = here.root in (Path.home(), *Path.home().parents)
    return here if _holds(here.root, script) and not is_home else None


def _holds(root: Path, script: Path) -> bool:
    return Path(os.path.realpath(root)) in script.parents


def _import_paths(root: Path) -> tuple[str, ...]:
    """The folders of the project that this process imports from, relative to the root."""
    paths = [Path(os.path.realpath(entry)) for entry in sys.path]
    return tuple(
        path.relative_to(root).as_posix()
        for path in dict.fromkeys(paths)
        if root in path.parents and path.is_dir() and not is_installed(path)
    )
