"""Whose experiments a command means that names none: those of the project it stands in, or all of the home."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from nemorun_discover.config.locate import find_config, repository_of, shown
from nemorun_discover.documents import read_content
from nemorun_discover.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_ALL = "of all projects"
# Where a record is damaged, its project may still be told: it stands near the beginning.
_ROOT = re.compile(rb'"project":\s*\{[^{}]*?"root":\s*("(?:[^"\\]|\\.)*")')


@dataclass(frozen=True, kw_only=True, slots=True)
class Scope:
    """Experiments by the project they were started from.

    Attributes:
        root: The project's directory, with links resolved; None for every experiment of the home.
        is_repository: No configuration says where the project begins: `root` is that of the git
            repository, and what was started anywhere in it is meant.
        why: Of the whole home: what made it that, to begin a sentence with.
    """

    root: Path | None = None
    is_repository: bool = False
    why: str = ""

    @property
    def is_asked_for(self) -> bool:
        """True when the whole home was asked for, and is not meant for want of a project."""
        return self.why == _ALL

    def holds(self, project: str | None) -> bool:
        """True for an experiment whose record names this directory as its project.

        Args:
            project: `project.root` of the record; None when the record does not tell.
        """
        if self.root is None:
            return True
        if project is None:
            return False
        root = _resolved(project)
        return root == self.root or (self.is_repository and self.root in root.parents)


def scope_of(
    directory: Path,
    env: Mapping[str, str],
    recorded: Iterable[str | None],
    *,
    file: Path | None = None,
    all_projects: bool = False,
) -> Scope:
    """The project that a directory belongs to.

    That is the directory of the configuration that applies here; without one the git repository; without
    that the nearest directory, from here upward to below the user's home directory, from which an
    experiment was started. Otherwise the place is in no project, and all experiments are meant.

    Args:
        directory: Absolute; where nemorun works.
        env: The environment.
        recorded: The projects of all records; asked for only where nothing else tells.
        file: `-c FILE`; None to look for one.
        all_projects: `-a`: all experiments are meant.

    Raises:
        ConfigError: The configuration that was named does not exist.
    """
    if all_projects:
        return Scope(why=_ALL)
    found = find_config(directory, env, file)
    if found is not None:
        return Scope(root=_resolved(str(found.parent)))
    repository = repository_of(directory, env)
    if repository is not None:
        return Scope(root=_resolved(str(repository)), is_repository=True)
    roots = {_resolved(one) for one in recorded if one is not None}
    here, home = _resolved(str(directory)), _resolved(env.get("HOME") or os.sep)
    for folder in (here, *here.parents):
        # What was started in the home directory itself does not make all below it one project.
        if folder in roots and (folder == here or folder not in (home, *home.parents)):
            return Scope(root=folder)
    return Scope(why=f"{shown(directory)} is in no project: of all experiments")


def project_in(record: Path) -> str | None:
    """`project.root` of a record, of whichever version; None when it cannot be told."""
    try:
        content = read_content(record)
    except StoreError:
        return None
    if content is None:
        return None
    try:
        return msgspec.json.decode(content, type=_Record).project.root
    except (msgspec.MsgspecError, RecursionError):
        found = _ROOT.search(content)
        return None if found is None else _unquoted(found[1])


class _Project(msgspec.Struct):
    root: str


class _Record(msgspec.Struct):
    """As much of a record as is read here: a tenth of the time that reading all of it takes."""

    project: _Project


def _unquoted(text: bytes) -> str | None:
    import json  # noqa: PLC0415 - for damaged records, and paths that are not UTF-8

    try:
        return str(json.loads(text))
    except ValueError:
        return None


@lru_cache(maxsize=1024)
def _resolved(path: str) -> Path:
    return Path(os.path.realpath(path))
