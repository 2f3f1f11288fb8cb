"""Files by pattern: what a PatternPackager takes, and what a GitArchivePackager takes on top."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from nemorun_discover.errors import ConfigError
from nemorun_discover.packaging.gathered import Gathered, Source
from nemorun_discover.packaging.listing import Origin, shown
from nemorun_discover.packaging.matching import matches_of
from nemorun_discover.packaging.worktree import not_a_file

if TYPE_CHECKING:
    from nemorun_discover.packaging.disk import Disk
    from nemorun_discover.packaging.ignoring import IgnoreRules
    from nemorun_discover.packaging.matching import Matches


def gather_patterns(  # noqa: D417 - the rest is said by the types
    patterns: str | list[str],
    relative_to: str | list[str],
    disk: Disk,
    *,
    key: str,
    relative_key: str,
    base: str,
    rules: IgnoreRules,
) -> Gathered:
    """The files that match, each placed relative to its pattern's directory.

    Args:
        patterns: One or several; absolute, or from the base.
        relative_to: One for all patterns, or one each; absolute, or from the base.
        disk: Looks at the files.
        key: What the settings call the patterns.
        relative_key: What they call the directories.
        base: Absolute, without links; the rules are those of this tree.

    Raises:
        ConfigError: A pattern matches nothing, or something that is not in its directory.
        UsageError: A directory cannot be read.
    """
    disk.look()
    files: dict[str, Source] = {}
    origins: dict[Origin, None] = {}
    notes: list[str] = []
    for pattern, relative in _pairs(patterns, relative_to, key, relative_key):
        start = os.path.realpath(Path(base, relative))
        if not Path(start).is_dir():
            raise ConfigError(f"{relative_key} = {relative!r}: {shown(start)} is not a directory")
        found = matches_of(pattern, disk, root=base, rules=rules)
        if not found.files:
            raise _nothing(f"{key} = {pattern!r}", base, found)
        inside = f"{start.rstrip('/')}/"
        for place in found.files:
            if not place.startswith(inside):
                raise ConfigError(
                    f"{key} = {pattern!r}: matches {shown(place)}, which is not in {shown(start)}",
                    hint=f"{relative_key} names the directory that files are placed relative to",
                )
            files[place.removeprefix(inside)] = place
        origins[Origin(source=Path(start))] = None
        notes += [not_a_file(place) for place in found.specials]
    return Gathered(files=files, origins=tuple(origins), notes=tuple(notes))


def _pairs(
    patterns: str | list[str], relative_to: str | list[str], key: str, relative_key: str
) -> list[tuple[str, str]]:
    """Each pattern with its directory.

    Raises:
        ConfigError: There is an empty pattern, or another number of directories than of patterns.
    """
    globs = [patterns] if isinstance(patterns, str) else patterns
    if not globs or not all(globs):
        raise ConfigError(f"{key}: there is an empty pattern", hint="`src/**` takes all of src")
    if isinstance(relative_to, str):
        return [(glob, relative_to) for glob in globs]
    if len(relative_to) not in (1, len(globs)):
        raise ConfigError(
            f"{relative_key} names {len(relative_to)} directories for {len(globs)} patterns of {key}",
            hint="give one for all patterns, or one for each",
        )
    folders = relative_to if len(relative_to) == len(globs) else relative_to * len(globs)
    return list(zip(globs, folders, strict=True))


def _nothing(said: str, base: str, found: Matches) -> ConfigError:
    if found.ignored:
        return ConfigError(
            f"{said}: .nemorunignore leaves out all that matches in {shown(base)}",
            hint="a line that begins with ! takes something in again",
        )
    if found.links:
        return ConfigError(
            f"{said}: {shown(found.links[0])} is a link, and links are not followed",
            hint="name the directory that it leads to, or only the link itself",
        )
    return ConfigError(
        f"{said}: matches nothing in {shown(base)}",
        hint="`*` stands for a part of a name, `**` for any number of directories",
    )
