"""The project of a script that launches: the nearest configuration's, or where the script lies."""

from __future__ import annotations

import sys
from pathlib import Path

from nemorun_discover.api.functions import MAIN, is_installed
from nemorun_discover.config.load import load_config
from nemorun_discover.errors import UsageError
from nemorun_discover.lifecycle.compose import project_of
from nemorun_discover.model.record import Project


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
    project = _project_around(script, cwd)
    paths = (*project.pythonpath, *_import_paths(Path(project.root)))
    return Project(
        root=project.root,
        name=project.name,
        config=project.config,
        pythonpath=tuple(dict.fromkeys(paths)),
    )


def launching_script() -> Path | None:
    """The user's own script; None in an interactive session, and under an installed program."""
    file = getattr(sys.modules[MAIN], "__file__", None)
    script = Path(file).absolute() if file else None
    if script is None or not script.is_file():
        return None
    is_program = script.parent == Path(sys.executable).parent
    return None if is_program or is_installed(script) else script


def _project_around(script: Path | None, cwd: Path) -> Project:
    near = cwd if script is None else script.parent
    found = load_config(near)
    if script is None or (found.file is not None and found.root in script.parents):
        return project_of(found)
    here = load_config(cwd)
    if here.root in script.parents and here.root not in (Path.home(), *Path.home().parents):
        return project_of(here)
    return Project(root=str(near), name=near.name)


def _import_paths(root: Path) -> list[str]:
    """The folders of the project that this process imports from, relative to the root."""
    paths = []
    for entry in sys.path:
        path = Path(entry).absolute()
        if root in path.parents and path.is_dir() and not is_installed(path):
            paths.append(path.relative_to(root).as_posix())
    return paths
