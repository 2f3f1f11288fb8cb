"""The files that a glob matches, by walking down without following a link."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from itertools import takewhile
from posixpath import dirname, normpath
from stat import S_ISDIR, S_ISLNK, S_ISREG
from typing import TYPE_CHECKING

from nemorun_discover.errors import UsageError
from nemorun_discover.packaging.globs import glob_regex, is_magic
from nemorun_discover.packaging.listing import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nemorun_discover.packaging.disk import Disk
    from nemorun_discover.packaging.ignoring import IgnoreRules

_GIT = ".git"
_ALL_BELOW = "**"


@dataclass(frozen=True, kw_only=True, slots=True)
class Matches:
    """What a glob matched, by absolute path.

    Attributes:
        files: Files and links.
        specials: Sockets, named pipes and devices, which are not among them.
        ignored: What matched too, and an ignore file leaves out.
        links: Links that stood where the glob goes on, and were not followed.
    """

    files: list[str] = field(default_factory=list)
    specials: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)


def matches_of(pattern: str, disk: Disk, *, root: str, rules: IgnoreRules) -> Matches:
    """What a glob matches; a directory stands for everything below it.

    `*` does not match names that begin with a dot, as in a shell; `**` does. `.git` is never matched.

    Args:
        pattern: Absolute, or from the root.
        disk: Looks at the files.
        root: Absolute, without links. The rules hold in it; nothing outside it is left out.
        rules: Of `.nemorunignore`.

    Raises:
        UsageError: A directory cannot be read.
    """
    found = Matches()
    folder, parts = _start(pattern.removeprefix(f"{root}/"), root)
    _Walk(root=f"{root.rstrip('/')}/", rules=rules, disk=disk, found=found).descend(folder, parts)
    return found


def _start(pattern: str, root: str) -> tuple[str, list[str]]:
    """The folder (`""` for `/`) to begin in, and what is to be matched from there on."""
    parts = [part for part in normpath(pattern).split("/") if part not in ("", ".")]
    folder = root
    if pattern.startswith("/"):
        literal = list(takewhile(lambda part: not is_magic(part), parts[:-1]))
        folder = os.path.realpath("/" + "/".join(literal))
        parts = parts[len(literal) :]
    while parts[:1] == [".."]:
        folder, parts = dirname(folder), parts[1:]
    return folder.rstrip("/"), parts or [_ALL_BELOW]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Walk:
    root: str
    rules: IgnoreRules
    disk: Disk
    found: Matches

    def descend(self, folder: str, parts: list[str]) -> None:
        """Match what lies in a folder against the rest of a pattern."""
        head, rest = parts[0], parts[1:]
        if head == _ALL_BELOW and not rest:
            self._take_below(folder)
        elif head == _ALL_BELOW:
            for one in self._folders_below(folder):
                self.descend(one, rest)
        elif is_magic(head):
            self._match(folder, head, rest)
        elif head != _GIT:
            self._meet(f"{folder}/{head}", rest)

    def _match(self, folder: str, glob: str, rest: list[str]) -> None:
        regex = glob_regex(glob)
        for entry in _entries(folder):
            is_shown = entry.name[0] != "." or glob[0] == "."
            if is_shown and regex.fullmatch(entry.name):
                self._meet(entry.path, rest)

    def _meet(self, place: str, rest: list[str]) -> None:
        """Go on below something that a part of the pattern matches, or take it."""
        mode = self._mode(place)
        if not S_ISDIR(mode):
            if not rest:
                self._take(place)
            elif S_ISLNK(mode):
                self.found.links.append(place)
        elif self._ignores_folder(place):
            self.found.ignored.append(place)
        elif rest:
            self.descend(place, rest)
        else:
            self._take_below(place)

    def _mode(self, place: str) -> int:
        """The kind of what is there; 0 when there is nothing."""
        try:
            return self.disk.see(place)
        except (FileNotFoundError, NotADirectoryError):
            return 0
        except OSError as error:
            raise _unreadable(place, error) from error

    def _take_below(self, top: str) -> None:
        waiting = [top]
        while waiting:
            for entry in _entries(waiting.pop()):
                if not entry.is_dir(follow_symlinks=False):
                    self._take(entry.path)
                elif not self._ignores_folder(entry.path):
                    waiting.append(entry.path)

    def _take(self, place: str) -> None:
        mode = self._mode(place)
        if mode and self._ignores_file(place):
            self.found.ignored.append(place)
        elif S_ISREG(mode) or S_ISLNK(mode):
            self.found.files.append(place)
        elif mode:
            self.found.specials.append(place)

    def _folders_below(self, top: str) -> Iterator[str]:
        """A folder and all folders below it that travel."""
        waiting = [top]
        while waiting:
            folder = waiting.pop()
            yield folder
            below = [one.path for one in _entries(folder) if one.is_dir(follow_symlinks=False)]
            waiting.extend(one for one in below if not self._ignores_folder(one))

    def _ignores_folder(self, place: str) -> bool:
        return place.startswith(self.root) and self.rules.ignore_folder(place[len(self.root) :])

    def _ignores_file(self, place: str) -> bool:
        return place.startswith(self.root) and self.rules.ignore(place[len(self.root) :])


def _entries(folder: str) -> list[os.DirEntry[str]]:
    """What lies in a folder, without `.git`."""
    try:
        with os.scandir(folder or "/") as entries:
            return [entry for entry in entries if entry.name != _GIT]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise _unreadable(folder, error) from error


def _unreadable(place: str, error: OSError) -> UsageError:
    return UsageError(
        f"{shown(place)}: cannot be read ({error.strerror})",
        hint="make it readable, or name it in .nemorunignore",
    )
