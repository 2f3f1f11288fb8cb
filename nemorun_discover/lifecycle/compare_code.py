"""The code of two experiments: which files differ, as far as their records tell."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nemorun_discover.lifecycle.provenance import changed_between, diff_between

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nemorun_discover.model.record import GitState, Record
    from nemorun_discover.packaging.listing import Entry
    from nemorun_discover.packaging.live import LiveCode

_HASH_SHOWN = 12
_SECTION = re.compile(r"^diff --git (?P<both>.+)$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True, slots=True)
class FileChange:
    """A file that is not the same in both.

    Attributes:
        how: `added`, `removed` or `changed`, seen from the first experiment.
        before: In the first one's package; None when it is not there, or nothing was packaged.
        after: The same of the second.
    """

    path: str
    how: str
    before: Entry | None = None
    after: Entry | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class CodeComparison:
    """How the code differs.

    Attributes:
        files: Each file once, by path.
        differences: What differs and is no file, a sentence each.
        unknown: What the records cannot tell, a sentence each.
    """

    files: tuple[FileChange, ...] = ()
    differences: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


def compare_code(
    packages: Path,
    first: Record,
    second: Record,
    live: tuple[LiveCode | None, LiveCode | None] = (None, None),
) -> CodeComparison:
    """Packages by their manifests; the rest by commit, recorded diff, untracked files, and what was planned with.

    Args:
        packages: The home's.
        first: The first experiment.
        second: The second.
        live: The project's own files that each was planned with, where they are recorded.
    """
    files: dict[str, FileChange] = {}
    unknown: list[str] = []
    for one, other in _digests(first, second):
        found = _between_packages(packages, one, other, unknown)
        files |= {change.path: change for change in found}
    unknown += _of_linked(first, second)
    by_git = CodeComparison()
    if _runs_own_files(first) or _runs_own_files(second):
        by_git = _compare_git(first, second, live)
        files = {**{change.path: change for change in by_git.files}, **files}
    return CodeComparison(
        files=tuple(files[path] for path in sorted(files)),
        differences=by_git.differences,
        unknown=(*unknown, *by_git.unknown),
    )


def _runs_own_files(record: Record) -> bool:
    return any(job.executor not in record.packages for job in record.jobs)


def _digests(first: Record, second: Record) -> list[tuple[str, str]]:
    """The pairs of packages to compare: those of one executor, else the first of each."""
    ones, others = (
        {name: code.digest for name, code in record.packages.items() if not code.linked}
        for record in (first, second)
    )
    pairs = [(ones[name], others[name]) for name in ones if name in others]
    if not pairs and ones and others:
        pairs = [(next(iter(ones.values())), next(iter(others.values())))]
    return [pair for pair in dict.fromkeys(pairs) if pair[0] != pair[1]]


def _of_linked(first: Record, second: Record) -> list[str]:
    return [
        f"what lay in {code.linked} on the cluster of {name} is not recorded"
        for name, code in {**first.packages, **second.packages}.items()
        if code.linked
    ]


def _between_packages(packages: Path, one: str, other: str, unknown: list[str]) -> list[FileChange]:
    from nemorun_discover.packaging.store import (  # noqa: PLC0415 - only for packages
        has_package,
        load_entries,
    )

    for digest in (one, other):
        if not has_package(packages, digest):
            unknown.append(f"the package {digest[:_HASH_SHOWN]} is not in {packages} any more")
            return [FileChange(path=".", how="changed")]
    return changed_files(
        {entry.path: entry for entry in load_entries(packages, one)},
        {entry.path: entry for entry in load_entries(packages, other)},
    )


def changed_files(before: Mapping[str, Entry], after: Mapping[str, Entry]) -> list[FileChange]:
    """The files that differ in content or mode, by path."""
    return [
        FileChange(
            path=path, how=_how(path, before, after), before=before.get(path), after=after.get(path)
        )
        for path in sorted({*before, *after})
        if _content(before.get(path)) != _content(after.get(path))
    ]


def _how(path: str, before: Mapping[str, object], after: Mapping[str, object]) -> str:
    if path not in before:
        return "added"
    return "changed" if path in after else "removed"


def _content(entry: Entry | None) -> tuple[str, str] | None:
    return None if entry is None else (str(entry.mode), entry.sha256)


def _compare_git(
    first: Record, second: Record, live: tuple[LiveCode | None, LiveCode | None]
) -> CodeComparison:
    one, other = first.git, second.git
    before, after = live
    recorded = {}
    if before is not None and after is not None:
        from nemorun_discover.packaging.live import changes  # noqa: PLC0415 - only for such jobs

        recorded = changes(before, after)
    if one is None or other is None:
        which = [record.id for record in (first, second) if record.git is None]
        lacking = "its code is" if before is None or after is None else "files that are no code are"
        return CodeComparison(
            files=tuple(FileChange(path=path, how=how) for path, how in recorded.items()),
            unknown=(f"{' and '.join(which)} ran in no git repository: {lacking} not recorded",),
        )
    files = recorded | dict.fromkeys(changed_sections(one.diff, other.diff), "changed")
    files |= dict.fromkeys(set(other.untracked) - set(one.untracked), "added")
    files |= dict.fromkeys(set(one.untracked) - set(other.untracked), "removed")
    differences = []
    if one.commit != other.commit:
        differences.append(f"commit {_short(one.commit)} then {_short(other.commit)}")
        root = Path(second.project.root)
        files |= changed_between(root, str(one.commit), str(other.commit)) or {}
    return CodeComparison(
        files=tuple(FileChange(path=path, how=how) for path, how in sorted(files.items())),
        differences=tuple(differences),
        unknown=tuple(_unproven(one, other, live)),
    )


def _short(commit: str | None) -> str:
    return commit[:_HASH_SHOWN] if commit else "none"


def changed_sections(one: str, other: str) -> list[str]:
    """The files of which two recorded diffs do not say the same."""
    before, after = sections_of(one), sections_of(other)
    return [path for path in {**before, **after} if before.get(path) != after.get(path)]


def sections_of(diff: str) -> dict[str, str]:
    """What a recorded `git diff` says of each file, by path; by its first line where git quotes the path."""
    found = list(_SECTION.finditer(diff))
    ends = [*(one.start() for one in found), len(diff)][1:]
    return {
        _path_in(one["both"]): diff[one.end() : end] for one, end in zip(found, ends, strict=False)
    }


def _path_in(both: str) -> str:
    """The path in `a/PATH b/PATH`."""
    path = both[2 : len(both) // 2]
    return path if both == f"a/{path} b/{path}" else both


def _unproven(
    one: GitState, other: GitState, live: tuple[LiveCode | None, LiveCode | None]
) -> Iterator[str]:
    both = set(one.untracked) & set(other.untracked)
    if live[0] is not None and live[1] is not None:
        both -= live[0].files.keys() & live[1].files.keys()
    if both:
        yield (
            "the contents of untracked files are not recorded"
            f" ({', '.join(sorted(both))}); a packager keeps them"
        )
    if one.diff_is_cut or other.diff_is_cut:
        yield "the recorded diff was cut at 1 MiB; what follows is not known"


def unified_diff(
    packages: Path, first: Record, second: Record, code: CodeComparison
) -> Iterator[str]:
    """The changes as `diff -u` writes them, in lines; of what was not packaged, what git knows."""
    packaged = [change for change in code.files if change.before or change.after]
    for change in packaged:
        yield from _file_diff(packages, change)
    one, other = first.git, second.git
    if len(packaged) < len(code.files) and one and other and one.commit and other.commit:
        text = diff_between(Path(second.project.root), one.commit, other.commit)
        yield from text.splitlines(keepends=True)


def _file_diff(packages: Path, change: FileChange) -> Iterator[str]:
    before, after = _text(packages, change.before), _text(packages, change.after)
    names = (
        f"a/{change.path}" if change.before else "/dev/null",
        f"b/{change.path}" if change.after else "/dev/null",
    )
    if before is None or after is None:
        yield f"Binary files {names[0]} and {names[1]} differ\n"
        return
    if change.before and change.after and change.before.mode != change.after.mode:
        yield f"{change.path}: mode {change.before.mode} then {change.after.mode}\n"
    lines = difflib.unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), *names
    )
    for line in lines:
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _text(packages: Path, entry: Entry | None) -> str | None:
    """The file's text; None for what is no text, or is not stored any more."""
    if entry is None:
        return ""
    if entry.target is not None:
        return f"{entry.target}\n"
    from nemorun_discover.packaging.store import object_path  # noqa: PLC0415 - only for packages

    try:
        content = Path(object_path(packages, entry.sha256)).read_bytes()
        return None if b"\0" in content else content.decode()
    except (OSError, UnicodeDecodeError):
        return None
