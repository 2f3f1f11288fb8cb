"""The Python files under the scanned paths."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from nemorun_discover.discovery.filescan import FACTORY_FILE
from nemorun_discover.model.layout import KEPT, is_ours
from nemorun_discover.model.task import Issue

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_SKIPPED = frozenset({"__pycache__", "node_modules", "site-packages"})
# setuptools keeps links to a project's own files there (editable_mode=strict): they are no second project.
_LINKS_OF_SETUPTOOLS = "__editable__."
_MARKS_OF_ENVIRONMENT = frozenset({"pyvenv.cfg", "conda-meta"})


def find_files(root: Path, paths: Sequence[str]) -> tuple[list[str], list[Issue]]:
    """List the Python files at or below `paths`, and every `executors.py` from them up to `root`.

    Hidden files and directories, caches, virtualenvs, and what nemorun keeps of experiments are left out. A link to a directory is not
    followed (it may lead in a circle, or into a data set); name it in `paths` to have it scanned.

    Returns:
        Files relative to `root`, with `/`, sorted; and one issue per path that is not there.
    """
    found: set[str] = set()
    issues: list[Issue] = []
    base = os.path.abspath(root)  # noqa: PTH100 - links stay as the user wrote them
    for path in paths:
        start = os.path.normpath(os.path.join(base, path))  # noqa: PTH118 - likewise
        relative = Path(os.path.relpath(start, base)).as_posix()
        problem = _problem_of(start, relative)
        if problem:
            issues.append(Issue(file=relative, line=0, message=problem))
            continue
        if os.path.isdir(start):  # noqa: PTH112 - a str, as scandir gives
            prefix = "" if relative == "." else f"{relative}/"
            found.update(_walk(start, prefix, issues))
        else:
            found.add(relative)
        found.update(_factory_files_above(base, relative))
    return sorted(found), issues


def factory_files_above(root: Path, files: Iterable[str]) -> set[str]:
    """List the `executors.py` in the directories of `files` and in those above, up to `root`."""
    base = os.path.abspath(root)  # noqa: PTH100 - links stay as the user wrote them
    return {found for file in files for found in _factory_files_above(base, file)}


def _problem_of(start: str, relative: str) -> str | None:
    if relative == ".." or relative.startswith("../"):
        return "the path lies outside the project"
    if os.path.isdir(start) or os.path.isfile(start):  # noqa: PTH112, PTH113 - a str, as scandir gives
        return None
    return (
        "the path is not a file or directory"
        if os.path.lexists(start)
        else "the path does not exist"
    )


def _walk(start: str, prefix: str, issues: list[Issue]) -> Iterator[str]:
    pending = [(start, prefix)]
    while pending:
        directory, prefix = pending.pop()
        try:
            with os.scandir(directory) as listing:
                entries = list(listing)
        except OSError as error:
            message = f"the directory cannot be read: {error.strerror}"
            issues.append(Issue(file=prefix.rstrip("/") or ".", line=0, message=message))
            continue
        names = [entry.name for entry in entries]
        if directory != start and not _MARKS_OF_ENVIRONMENT.isdisjoint(names):
            continue
        if is_ours(directory, names):
            # A home that is the project's root itself: beside it lie the project's own files.
            entries = [one for one in entries if one.name not in KEPT] if directory == start else []
        for entry in entries:
            if entry.name.startswith((".", _LINKS_OF_SETUPTOOLS)) or entry.name in _SKIPPED:
                continue
            if entry.is_dir(follow_symlinks=False):
                pending.append((entry.path, f"{prefix}{entry.name}/"))
            elif entry.name.endswith(".py") and _is_file(entry):
                yield prefix + entry.name


def _is_file(entry: os.DirEntry[str]) -> bool:
    # Of links in a circle scandir's own answer is an ELOOP that is raised.
    return os.path.isfile(entry.path) if entry.is_symlink() else entry.is_file()  # noqa: PTH113


def _factory_files_above(base: str, relative: str) -> Iterator[str]:
    directory = Path(relative)
    for parent in (directory, *directory.parents):
        candidate = parent / FACTORY_FILE
        if os.path.isfile(os.path.join(base, candidate)):  # noqa: PTH113, PTH118 - links stay as they are
            yield candidate.as_posix()
