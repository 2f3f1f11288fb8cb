"""Whether a project's code is what an experiment ran."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nemorun_discover.config.locate import user_cache_dir
from nemorun_discover.errors import NemorunError
from nemorun_discover.executors.codec import executor_from_dict
from nemorun_discover.lifecycle.compare_code import FileChange, changed_files, changed_sections
from nemorun_discover.lifecycle.finding import Finding
from nemorun_discover.lifecycle.provenance import git_state
from nemorun_discover.secrets import is_same_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nemorun_discover.model.record import GitState, PackagedCode, Record
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
        yield from _check_files(record.git, git_state(root, home.folders()))


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


def _check_files(then: GitState | None, now: GitState | None) -> Iterator[Finding]:
    """Commit, diff and names of untracked files; contents that nobody wrote down cannot be proven."""
    if then is None:
        yield _finding(
            holds=None,
            message="the jobs ran the project's own files, and no git repository says what they were",
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
    if both := sorted(set(then.untracked) & set(now.untracked)):
        yield _finding(
            holds=None,
            message=f"the contents of untracked files were not recorded: {', '.join(both)}",
        )


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
