"""Where an experiment comes from: who started it, with which versions, on which state of the code."""

from __future__ import annotations

import getpass
import platform
import subprocess
from typing import TYPE_CHECKING

from nemorun_discover.model.record import GitState
from nemorun_discover.version import __version__

if TYPE_CHECKING:
    from pathlib import Path

LARGEST_DIFF = 1_048_576  # characters; a larger one is cut, and says so
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
        return "unknown"


def git_state(root: Path) -> GitState | None:
    """The code's state as git sees it; None when git is missing or root is in no repository.

    Nothing is written: the index is not refreshed.
    """
    status = _git(root, "status", "--porcelain=v2", "--branch", "--untracked-files=normal", "-z")
    if status is None:
        return None
    lines = status.split("\0")
    header = dict(line[2:].split(" ", 1) for line in lines if line.startswith("# branch."))
    changed = [line for line in lines if line[:2] in ("1 ", "2 ", "u ")]
    commit = header.get("branch.oid", "(initial)")
    branch = header.get("branch.head", "(detached)")
    has_commit = commit != "(initial)"
    diff = (
        (_git(root, "diff", "HEAD", "--no-color", "--no-ext-diff") or "")
        if has_commit and changed
        else ""
    )
    untracked = tuple(line[2:] for line in lines if line.startswith("? "))
    return GitState(
        commit=commit if has_commit else None,
        branch=None if branch == "(detached)" else branch,
        dirty=bool(changed or untracked),
        diff=diff[:LARGEST_DIFF],
        diff_is_cut=len(diff) > LARGEST_DIFF,
        untracked=untracked,
    )


def _git(root: Path, *arguments: str) -> str | None:
    command = ["git", "--no-optional-locks", "-C", str(root), *arguments]
    try:
        answer = subprocess.run(  # noqa: S603 - argv, no shell
            command, capture_output=True, check=False, timeout=_GIT_TIMEOUT_S
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.decode("utf-8", "replace") if answer.returncode == 0 else None
