"""The project of a script that launches: the nearest configuration's, or where the script lies."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from nemorun_discover.api.functions import MAIN, is_installed
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
    return Project(
        root=str(config.root),
        name=config.project.name,
        config=None if config.file is None else str(config.file),
        pythonpath=tuple(dict.fromkeys((*own, *_import_paths(config.root)))),
    )


def launching_script() -> Path | None:
    """The user's own script; None in an interactive session, and under an installed program."""
    file = getattr(sys.modules[MAIN], "__file__", None)
    script = Path(file).absolute() if file else None
    if script is None or not script.is_file():
        return None
    is_program = script.parent == Path(sys.executable).parent
    return None if is_program or is_installed(script) else script


def _config_around(script: Path | None, cwd: Path) -> Config | None:
    """The configuration whose project holds the script; None where the script stands alone."""
    found = load_config(cwd if script is None else script.parent)
    if script is None or (found.file is not None and found.root in script.parents):
        return found
    here = load_config(cwd)
    is_home = here.root in (Path.home(), *Path.home().parents)
    return here if here.root in script.parents and not is_home else None


def _import_paths(root: Path) -> tuple[str, ...]:
    """The folders of the project that this process imports from, relative to the root."""
    paths = [Path(entry).absolute() for entry in sys.path]
    return tuple(
        path.relative_to(root).as_posix()
        for path in dict.fromkeys(paths)
        if root in path.parents and path.is_dir() and not is_installed(path)
    )
