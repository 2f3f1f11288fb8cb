"""`.nemorunignore`: what never travels, by the rules of gitignore(5), on top of .gitignore.

Git cannot be asked: `git ls-files --exclude-per-directory` takes one kind of file at a time, and walks through
every directory that only .gitignore keeps it out of (data/, .venv/). pathspec lets a pattern that matches a
directory match what lies below it too, which is another answer where ignore files are nested.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nemorun_discover.errors import ConfigError
from nemorun_discover.packaging.globs import glob_regex
from nemorun_discover.packaging.listing import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from pathlib import Path

    Rules = tuple[tuple[int, tuple["_Pattern", ...]], ...]

IGNORE_FILE = ".nemorunignore"
# Written by every run beside the code, different each time, and of no use elsewhere; `!__pycache__/` takes it.
BYTECODE = "__pycache__"
_TRAILING_SPACES = re.compile(r"(?<!\\) +$")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Pattern:
    """A line of an ignore file.

    Attributes:
        is_path: It is held against the path below the file's folder; otherwise against the name alone.
        for_folders: It matches no file.
        leaves_out: False for a line that begins with `!`.
    """

    regex: re.Pattern[str]
    is_path: bool
    for_folders: bool
    leaves_out: bool


class IgnoreRules:
    """The rules of a tree.

    Args:
        read: From a folder of the tree (`""` for its root) to the text of the ignore file in it, if any.
        without: Folders of the tree that never travel, whatever the rules say.
    """

    def __init__(
        self, read: Callable[[str], str | None], *, without: Collection[str] = frozenset()
    ) -> None:
        self._read = read
        self._rules: dict[str, Rules] = {}
        self._ignored = {"": False, **dict.fromkeys(without, True)}

    def ignore(self, path: str) -> bool:
        """True when a file of the tree does not travel."""
        folder = path.rpartition("/")[0]
        if self.ignore_folder(folder):
            return True
        rules = self._rules_of(folder)
        return bool(rules) and _verdict(path, rules)

    def ignore_folder(self, folder: str) -> bool:
        """True when nothing in a folder of the tree travels."""
        known = self._ignored.get(folder)
        if known is not None:
            return known
        parent = folder.rpartition("/")[0]
        verdict = self.ignore_folder(parent) or _verdict(f"{folder}/", self._rules_of(parent))
        self._ignored[folder] = verdict
        return verdict

    def none_for(self, folders: Iterable[str]) -> bool:
        """True when nothing that lies directly in one of these folders can be left out."""
        return not any(self.ignore_folder(folder) or self._rules_of(folder) for folder in folders)

    def _rules_of(self, folder: str) -> Rules:
        """The rules that hold in a folder, its own last, each with the length of its folder's path."""
        known = self._rules.get(folder)
        if known is not None:
            return known
        above = self._rules_of(folder.rpartition("/")[0]) if folder else ()
        text = self._read(folder)
        own = () if text is None else ((len(folder) + bool(folder), _patterns_of(text)),)
        self._rules[folder] = above + own
        return self._rules[folder]


def rules_on_disk(root: str, *, leave_out: Collection[Path] = ()) -> IgnoreRules:
    """The rules of a directory and of what lies below it.

    Args:
        root: The directory.
        leave_out: Directories, absolute, that never travel.
    """

    def read(folder: str) -> str | None:
        place = f"{root}/{folder}/{IGNORE_FILE}" if folder else f"{root}/{IGNORE_FILE}"
        if not os.path.lexists(place):
            return None
        try:
            with open(place, "rb") as file:  # noqa: PTH123 - names may not be UTF-8
                return os.fsdecode(file.read())
        except OSError as error:
            raise ConfigError(f"{shown(place)}: cannot be read ({error.strerror})") from error

    inside = (os.path.relpath(os.path.realpath(path), root) for path in leave_out)
    return IgnoreRules(read, without={path for path in inside if not path.startswith("..")} - {"."})


def _verdict(path: str, rules: Rules) -> bool:
    """True when the last pattern that matches a path (ended by `/` for a folder) leaves it out."""
    bare = path.removesuffix("/")
    name = bare.rpartition("/")[2]
    for length, patterns in reversed(rules):
        for one in reversed(patterns):
            if one.for_folders and bare == path:
                continue
            if one.regex.fullmatch(bare[length:] if one.is_path else name):
                return one.leaves_out
    return path != bare and name == BYTECODE


def _patterns_of(text: str) -> tuple[_Pattern, ...]:
    """The patterns of an ignore file."""
    lines = text.removeprefix("\ufeff").split("\n")
    found = (_pattern_of(line.removesuffix("\r")) for line in lines if line[:1] != "#")
    return tuple(one for one in found if one is not None)


def _pattern_of(line: str) -> _Pattern | None:
    glob = _TRAILING_SPACES.sub("", line)
    leaves_out = not glob.startswith("!")
    glob = glob.removeprefix("!")
    for_folders = glob.endswith("/")
    glob = glob.removesuffix("/")
    if not glob:
        return None
    return _Pattern(
        regex=glob_regex(glob.removeprefix("/")),
        is_path="/" in glob,
        for_folders=for_folders,
        leaves_out=leaves_out,
    )
