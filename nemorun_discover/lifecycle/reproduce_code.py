"""Whether a project's code is what an experiment ran."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from nemorun_discover.config.import_roots import repository_around
from nemorun_discover.config.locate import user_cache_dir
from nemorun_discover.errors import NemorunError
from nemorun_discover.executors.codec import executor_from_dict
from nemorun_discover.lifecycle.compare_code import FileChange, changed_files, changed_sections
from nemorun_discover.lifecycle.finding import Finding
from nemorun_discover.lifecycle.live_code import code_now, code_sentences, named, planned_code
from nemorun_discover.lifecycle.observe import observe_record
from nemorun_discover.lifecycle.provenance import git_state
from nemorun_discover.secrets import is_same_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nemorun_discover.model.record import GitState, PackagedCode, Record
    from nemorun_discover.packaging.live import LiveCode
    from nemorun_discover.store.home import Home

_HASH_SHOWN = 12
_FILES_SHOWN = 10


def check_code(home: Home, record: Record) -> Iterator[Finding]:
    """What can be said of the code: of every package, and of the project's files where they were run."""
    root = Path(record.project.root)
    if not root.is_dir():
        yield _finding(holds=False, message=f"the project is not in {root} any more")
        return
    names = dict.fromkeys(job.executor for job in record.jobs)
    for name in names:
        if name in record.packages:
            yield _check_package(home, record, name, record.packages[name])
    if any(name not in record.packages for name in names):
        yield from _check_live(home, record, root)
    for sentence in code_sentences(observe_record(home, record).jobs):
        yield _finding(holds=None, message=sentence)


def _check_live(home: Home, record: Record, root: Path) -> Iterator[Finding]:
    """The project's own files: what git says of them, what `code.json` says, and what the jobs were seen to run."""
    then = planned_code(home.layout.experiment(record.id))
    now = None if then is None else code_now(record, home.folders())
    by_git = list(_check_files(record.git, git_state(root, home.folders()), root, then))
    yield from by_git
    if then is not None and now is not None:
        yield from _check_recorded(then.own(), now.own(), by_git)
    elif then is None and record.git is not None:
        # Of an earlier version: an edit between the plan and a job's start left no trace.
        yield _finding(
            holds=None, message="whether files changed before the jobs started was not recorded"
        )


def _check_recorded(then: LiveCode, now: LiveCode, by_git: list[Finding]) -> Iterator[Finding]:
    """What git does not tell of: files that it ignores or does not track, and projects in no repository."""
    from nemorun_discover.packaging.live import changes  # noqa: PLC0415 - only for such jobs

    found = changes(then, now)
    if found:
        if not any(one.holds is False for one in by_git):
            message = f"the code differs from what the jobs were planned with: {named(found)}"
            yield _finding(holds=False, message=message)
    elif not any(one.holds for one in by_git):
        files = "1 file" if len(then.files) == 1 else f"{len(then.files)} files"
        yield _finding(
            holds=True, message=f"the code is the same, {then.digest[:_HASH_SHOWN]}, {files}"
        )


def _finding(*, holds: bool | None, message: str) -> Finding:
    return Finding(area="code", holds=holds, message=message)


def _check_package(home: Home, record: Record, name: str, code: PackagedCode) -> Finding:
    """The project, packaged as then, has the same digest or it does not; nothing is stored."""
    # Packaging reads git and hashes files: only where something was packaged.
    from nemorun_discover.packaging.packager import list_package  # noqa: PLC0415
    from nemorun_discover.packaging.store import has_package, load_entries  # noqa: PLC0415

    if code.linked:
        return _finding(
            holds=None,
            message=f"{name}: the code lay in {code.linked} on the cluster, and nobody recorded what it was",
        )
    packager = executor_from_dict(record.executors[name]).packager
    try:
        listing = list_package(
            packager,
            Path(record.project.root),
            cache_dir=user_cache_dir(),
            leave_out=home.folders(),
        )
    except NemorunError as error:
        return _finding(holds=False, message=f"{name}: cannot be packaged now: {error.message}")
    short = code.digest[:_HASH_SHOWN]
    if listing.digest == code.digest:
        files = "1 file" if code.files == 1 else f"{code.files} files"
        return _finding(holds=True, message=f"{name}: the package is the same, {short}, {files}")
    message = f"{name}: the package was {short} and would be {listing.digest[:_HASH_SHOWN]} now"
    if not has_package(home.layout.packages, code.digest):
        return _finding(holds=False, message=message)
    changes = changed_files(
        {entry.path: entry for entry in load_entries(home.layout.packages, code.digest)},
        {entry.path: entry for entry in listing.entries},
    )
    return _finding(holds=False, message=f"{message}: {_named(changes)}")


def _named(changes: list[FileChange]) -> str:
    shown = ", ".join(f"{one.path} {one.how}" for one in changes[:_FILES_SHOWN])
    more = len(changes) - _FILES_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown


def _check_files(
    then: GitState | None, now: GitState | None, root: Path, code: LiveCode | None
) -> Iterator[Finding]:
    """Commit, diff and names of untracked files; contents that nobody wrote down cannot be proven."""
    if then is None:
        what = "they were" if code is None else "those were that are no code"
        yield _finding(
            holds=None,
            message=f"the jobs ran the project's own files, and no git repository says what {what}",
        )
        return
    if now is None:
        yield _finding(holds=False, message="the project is in no git repository any more")
        return
    yield _check_commit(then, now)
    yield _check_changes(then, now)
    if set(then.untracked) != set(now.untracked):
        names = ", ".join(sorted(set(then.untracked) ^ set(now.untracked)))
        yield _finding(holds=False, message=f"untracked files came or went: {names}")
    recorded = set() if code is None else _as_git_names(code, root)
    if both := sorted((set(then.untracked) & set(now.untracked)) - recorded):
        yield _finding(
            holds=None,
            message=f"the contents of untracked files were not recorded: {', '.join(both)}",
        )


def _as_git_names(code: LiveCode, root: Path) -> set[str]:
    """The recorded files by their paths in the repository."""
    top = repository_around(root)
    return {os.path.relpath(root / path, top) for path in code.files}


def _check_commit(then: GitState, now: GitState) -> Finding:
    was, is_now = (one.commit[:_HASH_SHOWN] if one.commit else "none" for one in (then, now))
    if then.commit == now.commit:
        return _finding(holds=True, message=f"the commit is the same, {was}")
    return _finding(holds=False, message=f"the commit was {was} and is {is_now} now")


def _check_changes(then: GitState, now: GitState) -> Finding:
    if not is_same_text(then.diff, now.diff):
        paths = changed_sections(then.diff, now.diff)
        return _finding(
            holds=False, message=f"what was not committed differs: {', '.join(paths) or 'the diff'}"
        )
    if then.diff_is_cut or now.diff_is_cut:
        return _finding(
            holds=None,
            message="what was not committed is the same as far as it was recorded, 1 MiB",
        )
    what = "what was not committed is the same" if then.diff else "nothing is changed, as then"
    return _finding(holds=True, message=what)
