"""The files of a git repository as they lie in its working tree: what git tracks, and what it does not ignore."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from stat import S_ISDIR, S_ISLNK, S_ISREG
from typing import TYPE_CHECKING, Literal

from nemorun_discover.errors import UsageError
from nemorun_discover.packaging.gathered import Gathered, folders_of
from nemorun_discover.packaging.git import Answer
from nemorun_discover.packaging.listing import Origin, shown

if TYPE_CHECKING:
    from nemorun_discover.packaging.disk import Disk
    from nemorun_discover.packaging.gathered import Source
    from nemorun_discover.packaging.ignoring import IgnoreRules

# `? PATH` for each untracked file, then `H MODE BLOB STAGE<tab>PATH` for each file of the index.
_LIST = ("ls-files", "-z", "-t", "--stage", "--cached", "--others", "--exclude-standard")
_SUBMODULE = "160000"
_UNREADABLE = "warning: could not open directory "
_SHOWN = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class _Walk:
    """What is the same in a repository and in its submodules.

    Attributes:
        rules: Of the outermost repository.
        root: The outermost repository.
        files: What was found so far, by path below the packaged directory.
        notes: Likewise.
    """

    root: str
    rules: IgnoreRules
    disk: Disk
    include_submodules: bool
    files: dict[str, Source] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def gather_worktree(
    top: str, subpath: str, disk: Disk, *, rules: IgnoreRules, include_submodules: bool
) -> Gathered:
    """The files of a directory of a repository.

    Tracked files that were deleted are left out, and what is behind a link.

    Args:
        top: The repository's root, absolute and without links.
        subpath: The directory, relative to it; `""` for the root itself.
        disk: Looks at the files.
        rules: Of `.nemorunignore`, for the whole repository.
        include_submodules: Take submodules as they are checked out, and repositories in the repository.

    Raises:
        UsageError: There is a merge conflict, or a submodule that is not checked out.
    """
    walk = _Walk(root=top, rules=rules, disk=disk, include_submodules=include_submodules)
    _gather(walk, subpath, "")
    source = os.path.join(top, subpath)  # noqa: PTH118 - may not be UTF-8, as all names here
    return Gathered(
        files=walk.files, origins=(Origin(source=Path(source)),), notes=tuple(walk.notes)
    )


def _gather(walk: _Walk, below: str, prefix: str) -> None:
    """Add the files of one repository.

    Args:
        walk: Takes them.
        below: The directory to take, relative to the outermost repository.
        prefix: The folder of the package that it becomes; empty, or ended by a slash.
    """
    folder = f"{walk.root}/{below}" if below else walk.root
    base = f"{below}/" if below else ""
    with Answer(folder, *_LIST) as listed:
        walk.disk.look()
        lines = listed.names()
    walk.notes.extend(
        f"{shown(base)}{line.removeprefix(_UNREADABLE)}: what lies there does not travel"
        for line in listed.warnings.splitlines()
        if line.startswith(_UNREADABLE)
    )
    untracked = [line[2:] for line in takewhile(lambda line: line[0] == "?", lines)]
    tracked, submodules = _read_index(folder, lines[len(untracked) :])
    files = [path for path in untracked if not path.endswith("/")]
    found = _look_at(walk, folder, [*tracked, *files])
    found = _travelling(walk, folder, base, found)
    walk.files.update({prefix + path: one for path, one in found.items()} if prefix else found)
    nested = [path.removesuffix("/") for path in untracked if path.endswith("/")]
    for path in (*submodules, *nested):
        if not walk.rules.ignore_folder(base + path):
            _enter(walk, base + path, prefix + path, is_submodule=path in submodules)


def _enter(walk: _Walk, below: str, path: str, *, is_submodule: bool) -> None:
    """Add the files of a repository in the repository."""
    if not walk.include_submodules:
        if not is_submodule:
            walk.notes.append(f"{shown(path)} is a repository of its own and does not travel")
        return
    if not os.path.lexists(f"{walk.root}/{below}/.git"):
        raise submodule_missing(walk.root, below)
    if not is_submodule:
        walk.notes.append(
            f"{shown(path)} is a repository of its own; it travels as a submodule does"
        )
    _gather(walk, below, f"{path}/")


def submodule_missing(top: str, path: str) -> UsageError:
    """The error for a submodule without files."""
    return UsageError(
        f"{shown(path)}: this submodule of {shown(top)} is not checked out",
        hint=f"git submodule update --init {shown(path)}, or include_submodules = false",
    )


def _read_index(folder: str, lines: list[str]) -> tuple[list[str], list[str]]:
    """Files and submodules from the lines of `git ls-files -t --stage`.

    Raises:
        UsageError: The index holds a file in several versions.
    """
    if not lines:
        return [], []
    end = lines[0].index("\t")  # what comes before the paths is of one length
    odd = [line for line in lines if line[2:8] == _SUBMODULE or line[end - 1] != "0"]
    if conflicts := dict.fromkeys(line[end + 1 :] for line in odd if line[end - 1] != "0"):
        raise UsageError(
            f"{shown(folder)}: there is a merge conflict in {some(conflicts)}",
            hint="resolve it and `git add` the result, or `git merge --abort`",
        )
    submodules = [line[end + 1 :] for line in odd]
    paths = [line[end + 1 :] for line in lines]
    return [path for path in paths if path not in submodules] if odd else paths, submodules


def some(paths: dict[str, None] | list[str], *, most: int = _SHOWN) -> str:
    """The first few of many paths, as messages show them."""
    first = ", ".join(shown(path) for path in list(paths)[:most])
    return f"{first} and {len(paths) - most} more" if len(paths) > most else first


def _look_at(walk: _Walk, folder: str, paths: list[str]) -> dict[str, Source]:
    """Those of the paths that are files or links."""
    found: dict[str, Source] = {path: f"{folder}/{path}" for path in paths}
    seen = walk.disk.states
    for path in [path for path, place in found.items() if place not in seen]:
        kind = _kind(walk.disk, f"{folder}/{path}")
        if kind == "special":
            walk.notes.append(not_a_file(path))
        if kind != "file":
            del found[path]
    return found


def _kind(disk: Disk, place: str) -> Literal["file", "special", "none"]:
    """Whether there is a file or link, a socket or the like, or nothing that travels by itself."""
    try:
        mode = disk.see(place)
    except (FileNotFoundError, NotADirectoryError):
        return "none"  # deleted, and git still tracks it
    except OSError as error:
        raise UsageError(f"{shown(place)}: cannot be read ({error.strerror})") from error
    if S_ISDIR(mode):
        return "none"  # in the place of a file that git still tracks
    return "file" if S_ISREG(mode) or S_ISLNK(mode) else "special"


def not_a_file(path: str) -> str:
    """The note for a socket, a named pipe or a device."""
    return f"{shown(path)} is no file, link or directory, and does not travel"


def _travelling(walk: _Walk, folder: str, base: str, found: dict[str, Source]) -> dict[str, Source]:
    """What no ignore file leaves out, and what is not behind a link.

    A directory that a link has taken the place of still has its files in the index, and they can be
    opened: but they are those of another directory, and git takes them as deleted.
    """
    folders = folders_of(found)
    links = tuple(f"{one}/" for one in folders if one and os.path.islink(f"{folder}/{one}"))  # noqa: PTH114
    if links:
        found = {path: one for path, one in found.items() if not path.startswith(links)}
    if walk.rules.none_for([base + one for one in folders] if base else folders):
        return found
    return {path: one for path, one in found.items() if not walk.rules.ignore(base + path)}
