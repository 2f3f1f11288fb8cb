"""What a GitArchivePackager takes of a git repository."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from nemorun_discover.errors import ConfigError, UsageError
from nemorun_discover.packaging.commit import gather_commit
from nemorun_discover.packaging.disk import Disk
from nemorun_discover.packaging.gathered import Gathered, placed_over
from nemorun_discover.packaging.git import Answer, ask, submodules
from nemorun_discover.packaging.ignoring import rules_on_disk
from nemorun_discover.packaging.listing import shown
from nemorun_discover.packaging.patterns import gather_patterns
from nemorun_discover.packaging.worktree import gather_worktree, some

if TYPE_CHECKING:
    from collections.abc import Collection

    from nemorun_discover.executors.packagers import GitArchivePackager

_CHANGED = ("status", "--porcelain", "-z", "--untracked-files=no", "--no-renames")
_UNTRACKED = ("ls-files", "-z", "--others", "--exclude-standard")


def gather_repository(
    packager: GitArchivePackager, root: str, disk: Disk, *, leave_out: Collection[Path]
) -> Gathered:
    """The files that a GitArchivePackager takes.

    Args:
        packager: The settings.
        root: The project's root, absolute and without links.
        disk: Looks at the files.
        leave_out: Directories that never travel.

    Raises:
        ConfigError: A setting names something that is not there.
        UsageError: The repository is not in a state to be packaged, or git cannot be asked.
    """
    top = _toplevel(packager.basepath, root, disk)
    subpath = _subpath(packager, top)
    _check(packager, top)
    rules = rules_on_disk(top, leave_out=leave_out)
    if packager.ref is None:
        found = gather_worktree(
            top, subpath, disk, rules=rules, include_submodules=packager.include_submodules
        )
    else:
        found = gather_commit(
            top, subpath, packager.ref, include_submodules=packager.include_submodules
        )
    if not packager.include_pattern:
        return found
    more = gather_patterns(
        packager.include_pattern,
        packager.include_pattern_relative_path,
        disk,
        key="include_pattern",
        relative_key="include_pattern_relative_path",
        base=top,
        rules=rules,
    )
    return Gathered(
        files=placed_over(found.files, more.files),
        origins=(*found.origins, *more.origins),
        notes=(*found.notes, *more.notes),
    )


def packaged_directory(packager: GitArchivePackager, root: str) -> Path:
    """The directory that a GitArchivePackager takes; its files are not listed.

    Raises:
        ConfigError: A setting names something that is not there.
        UsageError: There is no repository, or git cannot be asked.
    """
    top = _toplevel(packager.basepath, root, Disk(None, root))
    return Path(top, _subpath(packager, top))


def _toplevel(basepath: str, root: str, disk: Disk) -> str:
    """The root of the repository to package."""
    base = os.path.realpath(os.path.join(root, basepath))  # noqa: PTH118 - may not be UTF-8
    if not os.path.isdir(base):  # noqa: PTH112
        what = f"basepath = {basepath!r}: " if basepath else ""
        raise ConfigError(f"{what}{shown(base)} is not a directory")
    if os.path.lexists(
        f"{base}/.git"
    ):  # asking git costs 7 ms, and it is asked for the files at once
        disk.load()
        return base
    with Answer(base, "rev-parse", "--show-toplevel") as top:
        disk.load()
        return os.fsdecode(top.output()).removesuffix("\n")


def _subpath(packager: GitArchivePackager, top: str) -> str:
    """The packaged directory, relative to the repository's root."""
    if not packager.subpath:
        return ""
    said = f"subpath = {packager.subpath!r}"
    place = os.path.normpath(os.path.join(top, packager.subpath))  # noqa: PTH118
    if packager.ref is None:
        place = os.path.realpath(place)
    if place != top and not place.startswith(f"{top}/"):
        raise ConfigError(f"{said}: is outside of the repository {shown(top)}")
    if packager.ref is None and not os.path.isdir(place):  # noqa: PTH112
        raise ConfigError(f"{said}: there is no such directory in the repository {shown(top)}")
    return "" if place == top else place[len(top) + 1 :]


def _changed(top: str) -> list[str]:
    """What differs from the commit, in submodules too."""
    status = os.fsdecode(ask(top, *_CHANGED)).split("\0")[:-1]
    inside = [path for path, _ in submodules(top) if _changed(f"{top}/{path}")]
    return list(dict.fromkeys([*(line[3:] for line in status if line[3:]), *inside]))


def _check(packager: GitArchivePackager, top: str) -> None:
    """Refuse a state of the repository that the settings do not allow."""
    if packager.check_uncommitted_changes:
        changed = _changed(top)
        if changed:
            raise UsageError(
                f"{shown(top)}: there are uncommitted changes in {some(changed)}",
                hint="commit or stash them, or set check_uncommitted_changes = false",
            )
    if packager.check_untracked_files:
        untracked = os.fsdecode(ask(top, *_UNTRACKED)).split("\0")[:-1]
        if untracked:
            raise UsageError(
                f"{shown(top)}: there are untracked files: {some(untracked)}",
                hint="commit them, name them in .gitignore, or set check_untracked_files = false",
            )
