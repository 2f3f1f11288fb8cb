"""A project's tasks and executor factories, found by reading its files: the entry of discovery."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from nemorun_discover.discovery.graph import resolve_after, unknown_references
from nemorun_discover.discovery.read_files import read_files
from nemorun_discover.discovery.walk import find_files
from nemorun_discover.garbage import without_gc
from nemorun_discover.model.task import Collection, Issue, NotImported

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from nemorun_discover.discovery.filescan import FileScan
    from nemorun_discover.model.task import Task


def collect(
    root: Path,
    paths: Sequence[str],
    *,
    pythonpath: Sequence[str] = (),
    import_roots: Callable[[str], Sequence[str]] = lambda _: (),
    scripts: Sequence[Task] = (),
    is_partial: bool = False,
    may_import: bool = True,
    cache_dir: Path | None = None,
) -> Collection:
    """Find the tasks and factories at or below some paths, without importing them.

    What only an import can tell (a computed decorator argument, a task under `if`) is learnt by
    importing that one file in a child interpreter, all such files at once.

    Args:
        root: The project's root; ids are relative to it.
        paths: Files and directories, relative to `root`.
        pythonpath: More entries for `sys.path` of the child interpreters, relative to `root`.
        import_roots: By file, the directories that its packages are imported from; they come next on `sys.path`.
        scripts: Script tasks of the config, with `after` as it was written; they come last.
        is_partial: The paths are not the whole project (exact node ids need their own files only): a
            name in `after` that is not found there is left out instead of being an issue.
        may_import: False to import nothing: what only that would tell is in `not_imported` then.
        cache_dir: Where earlier scans are kept; None reads every file anew.

    Returns:
        A closed collection: what `after` of a task names is in it, and there is no cycle. What cannot
        be collected is an issue instead.
    """
    base = Path(os.path.abspath(root))  # noqa: PTH100 - links stay as the user wrote them
    with without_gc():
        files, issues = find_files(base, paths)
        scans = read_files(base, files, cache_dir)
        computed = _to_import(scans, is_partial=is_partial)
        if may_import:
            scans.update(
                _imported(
                    base, computed, {file: [*pythonpath, *import_roots(file)] for file in computed}
                )
            )
            computed = {}
        rejected = {f"{file}::{name}" for file, scan in scans.items() for name in scan.rejected}
        found = [task for file in files if file in scans for task in scans[file].tasks]
        tasks, conflicts = resolve_after([*found, *scripts], rejected, is_partial=is_partial)
    return Collection(
        tasks=tasks,
        factories=tuple(each for file in sorted(scans) for each in scans[file].factories),
        issues=_sorted(
            [*issues, *conflicts, *(each for scan in scans.values() for each in scan.issues)]
        ),
        not_imported=tuple(
            NotImported(file=file, line=one.line, function=one.function, reason=one.what)
            for file in sorted(computed)
            for one in scans[file].computed
        ),
    )


def _to_import(scans: Mapping[str, FileScan], *, is_partial: bool) -> dict[str, FileScan]:
    """The files that a syntax tree does not explain."""
    tasks = [task for scan in scans.values() for task in scan.tasks]
    unknown = set() if is_partial else unknown_references(tasks)
    return {file: scan for file, scan in scans.items() if scan.computed or file in unknown}


def _imported(
    root: Path, scans: Mapping[str, FileScan], pythonpath: Mapping[str, Sequence[str]]
) -> dict[str, FileScan]:
    """Scan these files again, with what an import of them tells."""
    if not scans:
        return {}
    # Few projects need it: subprocess, tempfile and ast are loaded then only.
    from nemorun_discover.discovery.dynamic import rescan  # noqa: PLC0415

    return rescan(root, scans, pythonpath)


def _sorted(issues: Iterable[Issue]) -> tuple[Issue, ...]:
    unique = dict.fromkeys(issues)
    return tuple(sorted(unique, key=lambda issue: (issue.file, issue.line)))
