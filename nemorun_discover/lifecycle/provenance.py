"""Where an experiment comes from: who started it, with which versions, on which state of the code."""

from __future__ import annotations

import getpass
import os
import platform
import subprocess
from threading import Timer
from typing import TYPE_CHECKING

from nemorun_discover.model.record import GitState
from nemorun_discover.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LARGEST_DIFF = 1_048_576  # bytes; a larger one is cut, and says so
# Whatever the user's git is configured to show, this is a diff that `git apply` reads.
_DIFF = (
    *("diff", "HEAD", "--no-color", "--no-ext-diff", "--no-textconv"),
    *("--submodule=short", "--src-prefix=a/", "--dst-prefix=b/"),
)
_GIT_TIMEOUT_S = 30.0


def versions() -> dict[str, str]:
    """Of nemorun, Python and the platform."""
    return {
        "nemorun": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
    }


def user_name() -> str:
    """Who runs this process; the number of the user where it has no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def git_state(root: Path) -> GitState | None:
    """The code's state as git sees it; None when git is missing or root is in no repository.

    Nothing is written: the index is not refreshed.
    """
    status = _git(root, "status", "--porcelain=v2", "--branch", "--untracked-files=normal", "-z")
    if status is None:
        return None
    lines = list(_entries(_text(status)))
    header = dict(line[2:].split(" ", 1) for line in lines if line.startswith("# branch."))
    changed = [line for line in lines if line[:2] in ("1 ", "2 ", "u ")]
    commit = header.get("branch.oid", "(initial)")
    branch = header.get("branch.head", "(detached)")
    has_commit = commit != "(initial)"
    diff = _git(root, *_DIFF, limit=LARGEST_DIFF + 1) if has_commit and changed else b""
    untracked = tuple(line[2:] for line in lines if line.startswith("? "))
    return GitState(
        commit=commit if has_commit else None,
        branch=None if branch == "(detached)" else branch,
        dirty=bool(changed or untracked),
        diff=_text((diff or b"")[:LARGEST_DIFF]),
        diff_is_cut=diff is None or len(diff) > LARGEST_DIFF,
        untracked=untracked,
    )


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
    command = ["git", "--no-optional-locks", "-C", str(root), *arguments]
    try:
        process = subprocess.Popen(  # noqa: S603 - argv, no shell
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
    except OSError:
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
