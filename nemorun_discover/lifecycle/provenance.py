"""Where an experiment comes from: who started it, with which versions, on which state of the code."""

from __future__ import annotations

import getpass
import os
import platform
import re
import sys
from pathlib import Path
from threading import Timer
from typing import TYPE_CHECKING

from nemorun_discover.config.import_roots import repository_around
from nemorun_discover.model.record import GitState, Interpreter
from nemorun_discover.packaging.git import GitFailed, start, submodules
from nemorun_discover.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from nemorun_discover.model.record import EditableInstall

LARGEST_DIFF = 1_048_576  # bytes; a larger one is cut, and says so
# Whatever the user's git is configured to show, this is a diff that `git apply` reads.
_DIFF = (
    *("diff", "HEAD", "--no-color"),
    *("--submodule=short", "--src-prefix=a/", "--dst-prefix=b/"),
)
_BYTECODE = "__pycache__"  # jobs leave it beside the code, which it does not change
_GIT_TIMEOUT_S = 30.0
_HOW = {"A": "added", "D": "removed"}


def versions() -> dict[str, str]:
    """Of nemorun, Python and the platform."""
    return {
        "nemorun": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
    }


def interpreter(
    path: Sequence[str] | None = None, *, editable: dict[str, EditableInstall] | None = None
) -> Interpreter:
    """The Python that runs this, and the distributions that it finds.

    Their names and versions are those of the folders that installers leave beside the code, which takes
    milliseconds; reading their metadata would take a tenth of a second.

    Args:
        path: Where to look; None for `sys.path`.
        editable: The editable installations.
    """
    installed: dict[str, str] = {}
    for folder in sys.path if path is None else path:
        for name, version in _distributions(folder):
            installed.setdefault(name, version)
    return Interpreter(
        version=platform.python_version(),
        executable=sys.executable,
        installed=dict(sorted(installed.items())),
        editable=editable,
    )


def _distributions(folder: str) -> Iterator[tuple[str, str]]:
    """Normalised names (PEP 503) and versions of `typing_extensions-4.12.2.dist-info` and the like."""
    try:
        names = os.listdir(folder or os.curdir)  # noqa: PTH208 - the names alone
    except OSError:  # not there, or a zip
        return
    for entry in names:
        stem, _, ending = entry.rpartition(".")
        if ending in ("dist-info", "egg-info"):
            name, _, version = stem.partition("-")
            yield re.sub(r"[-_.]+", "-", name).lower(), version.partition("-py")[0]


def user_name() -> str:
    """Who runs this process; the number of the user where it has no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def git_state(root: Path, leave_out: Sequence[Path] = ()) -> GitState | None:
    """The code's state as git sees it; None when git is missing or root is in no repository.

    Nothing is written: the index is not refreshed.

    Args:
        root: The project's root.
        leave_out: Directories that are no code of it: a home in the project, which git knows nothing of, would make
            every experiment but the first look changed.
    """
    status = _git(root, "status", "--porcelain=v2", "--branch", "--untracked-files=normal", "-z")
    if status is None:
        return None
    lines = list(_entries(_text(status)))
    dirty_inside = dict(_dirty_submodules(root))
    header = dict(line[2:].split(" ", 1) for line in lines if line.startswith("# branch."))
    changed = [line for line in lines if line[:2] in ("1 ", "2 ", "u ")]
    commit = header.get("branch.oid", "(initial)")
    branch = header.get("branch.head", "(detached)")
    has_commit = commit != "(initial)"
    diff = _git(root, *_DIFF, limit=LARGEST_DIFF + 1) if has_commit and changed else b""
    if diff is not None and has_commit:
        diff = _with_dirty(diff, dirty_inside)
    named = (line[2:] for line in lines if line.startswith("? "))
    top = Path(os.path.realpath(repository_around(root)))
    untracked = tuple(
        one
        for one in named
        if _BYTECODE not in one.split("/") and not _is_only(top / one, leave_out)
    )
    return GitState(
        commit=commit if has_commit else None,
        branch=None if branch == "(detached)" else branch,
        dirty=bool(changed or untracked or dirty_inside),
        diff=_text((diff or b"")[:LARGEST_DIFF]),
        diff_is_cut=diff is None or len(diff) > LARGEST_DIFF,
        untracked=untracked,
    )


def changed_between(root: Path, before: str, after: str) -> dict[str, str] | None:
    """By path in the repository, how files differ between two commits: `added`, `removed` or `changed`.

    Returns:
        None when git does not know one of the commits.
    """
    ranges = ("diff", "--name-status", "--no-renames", "-z", before, after, "--")
    output = _git(root, *ranges)
    if output is None:
        return None
    fields = iter(_text(output).split("\0"))
    return {path: _HOW.get(letter, "changed") for letter, path in zip(fields, fields, strict=False)}


def diff_between(root: Path, before: str, after: str) -> str:
    """What `git diff` prints of two commits; empty when git does not know one of them."""
    output = _git(root, "diff", *_DIFF[2:], before, after, "--", limit=LARGEST_DIFF)
    return _text(output or b"")


def _is_only(path: Path, folders: Sequence[Path]) -> bool:
    """True for what lies in one of the folders, and for a directory that holds nothing but some of them."""
    places = [Path(os.path.realpath(one)) for one in folders]
    if any(path.is_relative_to(one) for one in places):
        return True
    if not any(one.is_relative_to(path) for one in places):
        return False
    for folder, below, files in os.walk(path):
        if files:
            return False
        below[:] = [one for one in below if Path(folder, one) not in places]
    return True


def _dirty_submodules(root: Path) -> Iterator[tuple[str, str]]:
    """Path and commit of each submodule, as the index has them, in which files differ from its commit."""
    for path, commit in submodules(str(root)):
        state = git_state(root / path)
        if state is not None and state.dirty:
            yield path, commit


def _with_dirty(diff: bytes, submodules: Mapping[str, str]) -> bytes:
    """The diff with what `git diff` says of submodules in which something has changed: `X-dirty`."""
    for path, commit in submodules.items():
        head = f"diff --git a/{path} b/{path}\n".encode("utf-8", "replace")
        start = diff.find(head)
        if start >= 0:  # its commit has changed too
            line = diff.find(b"\n+Subproject commit ", start) + 1
            end = diff.find(b"\n", line)
            diff = diff[:end] + b"-dirty" + diff[end:]
        else:
            lines = f"--- a/{path}\n+++ b/{path}\n@@ -1 +1 @@\n-Subproject commit {commit}\n+Subproject commit {commit}-dirty\n"
            diff += head + lines.encode("utf-8", "replace")
    return diff


def _entries(status: str) -> Iterator[str]:
    """The entries of `git status --porcelain=v2 -z`, without the old names that follow renamed files."""
    fields = iter(status.split("\0"))
    for entry in fields:
        yield entry
        if entry.startswith("2 "):
            next(fields, None)


def _text(output: bytes) -> str:
    return output.decode("utf-8", "replace")


def _git(root: Path, *arguments: str, limit: int = -1) -> bytes | None:
    """What git prints, not more than `limit` bytes of it; None when it fails or takes too long."""
    try:
        process = start(str(root), *arguments, is_silent=True)
    except GitFailed:
        return None
    watchdog = Timer(_GIT_TIMEOUT_S, process.kill)
    watchdog.start()
    with process:
        output = process.stdout.read(limit) if process.stdout else b""
        has_more = len(output) == limit
        if has_more:
            process.kill()
    watchdog.cancel()
    return output if process.returncode == 0 or has_more else None
