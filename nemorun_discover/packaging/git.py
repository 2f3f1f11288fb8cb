"""Asking git: read only, free of the caller's GIT_* variables, and never for ever."""

from __future__ import annotations

import contextlib
import os
import subprocess
from threading import Timer
from typing import TYPE_CHECKING, Self

from nemorun_discover.errors import UsageError
from nemorun_discover.packaging.listing import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

TIMEOUT_S = 120.0
_CHUNK = 1 << 20
_PIPE = 1 << 20  # what an unprivileged process may have: git is done before anybody reads
# What `git rev-parse --local-env-vars` names of a repository's place; hooks of git run with these set.
_OF_ANOTHER_REPOSITORY = (
    *("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY"),
    *("GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_NAMESPACE", "GIT_PREFIX", "GIT_SHALLOW_FILE"),
    *("GIT_GLOB_PATHSPECS", "GIT_NOGLOB_PATHSPECS", "GIT_ICASE_PATHSPECS"),
)
_NO_GIT = 'install it, or use a PatternPackager or packager = "none"'


class GitFailed(UsageError):
    """Git did not answer; the message says what it was asked."""


class NotARepository(GitFailed):
    """The directory is in no git repository."""


class Answer:
    """A git process that is running; leaving the `with` block ends it."""

    def __init__(self, directory: str, *arguments: str) -> None:
        self._directory = directory
        self._arguments = arguments
        self._process = start(directory, *arguments)
        self.warnings = ""
        """What git said on stderr, once its output is there."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        _end(self._process)

    def output(self, feed: bytes = b"") -> bytes:
        """All that git prints.

        Raises:
            GitFailed: Git failed, or took longer than two minutes.
        """
        try:
            output, said = self._process.communicate(feed, timeout=TIMEOUT_S)
        except subprocess.TimeoutExpired as error:
            raise GitFailed(
                f"{shown(self._directory)}: git {self._arguments[0]} took longer than {TIMEOUT_S:g} s"
            ) from error
        self.warnings = said.decode("utf-8", "replace")
        if self._process.returncode:
            raise _failure(self._directory, self._arguments[0], self.warnings)
        return output

    def names(self) -> list[str]:
        """What git prints with `-z`, a string each."""
        return os.fsdecode(self.output()).split("\0")[:-1]


def ask(directory: str, *arguments: str, feed: bytes = b"") -> bytes:
    """All that git prints when it is called in a directory.

    Raises:
        GitFailed: Git is not installed, failed, or took longer than two minutes.
    """
    with Answer(directory, *arguments) as answer:
        return answer.output(feed)


def start(directory: str, *arguments: str) -> subprocess.Popen[bytes]:
    """Start git in a directory.

    Raises:
        GitFailed: Git is not installed.
    """
    # A monitor of the file system is a program that the repository names, and would write into .git.
    options = ("--no-optional-locks", "--no-pager", "-c", "core.fsmonitor=false", "-C", directory)
    env = {name: text for name, text in os.environ.items() if name not in _OF_ANOTHER_REPOSITORY}
    env |= {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    pipe = subprocess.PIPE
    try:
        return subprocess.Popen(  # noqa: S603 - argv, no shell
            ["git", *options, *arguments],  # noqa: S607 - the user's git
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            env=env,
            pipesize=_PIPE,
        )
    except OSError as error:
        raise GitFailed(f"git cannot be started ({error.strerror})", hint=_NO_GIT) from error


class Blobs:
    """The content of blobs, through one `git cat-file` for all of them."""

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._process = start(directory, "cat-file", "--batch")
        self._watchdog = Timer(TIMEOUT_S * 10, self._process.kill)

    def __enter__(self) -> Self:
        self._watchdog.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._watchdog.cancel()
        _end(self._process)

    def read(self, blob: str) -> Iterator[bytes]:
        """The content of one blob, in pieces that must all be taken.

        Raises:
            GitFailed: The repository does not have it.
        """
        to_git, from_git = self._process.stdin, self._process.stdout
        if to_git is None or from_git is None:  # never: both are pipes
            return
        try:
            to_git.write(f"{blob}\n".encode())
            to_git.flush()
        except BrokenPipeError as error:
            raise self._missing(blob) from error
        header = from_git.readline().split()
        if header[1:2] != [b"blob"]:
            raise self._missing(blob)
        left = int(header[2])
        while left:
            piece = from_git.read(min(left, _CHUNK))
            if not piece:
                raise self._missing(blob)
            left -= len(piece)
            yield piece
        from_git.readline()

    def _missing(self, blob: str) -> GitFailed:
        return blob_missing(self._directory, blob)


def blob_missing(directory: str, blob: str) -> GitFailed:
    """The error for an object that the repository does not have."""
    return GitFailed(
        f"{shown(directory)}: git has no content for the object {blob}",
        hint="`git fsck` tells more; a partial clone needs its remote",
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()  # does nothing to one that has been waited for
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
    process.wait()


def _failure(directory: str, command: str, said: str) -> GitFailed:
    """One sentence for what git says in several."""
    place = shown(directory)
    if "dubious ownership" in said:
        return GitFailed(
            f"{place}: git does not read this repository, because it belongs to another user",
            hint=f"if you trust it: git config --global --add safe.directory {_owned(said) or place}",
        )
    if "not a git repository" in said:
        return NotARepository(
            f"{place}: is not in a git repository",
            hint='run `git init`, or use a PatternPackager or packager = "none"',
        )
    if "must be run in a work tree" in said:
        return GitFailed(
            f"{place}: is a bare repository, or git's own folder of one: there are no files to package",
            hint="start from a clone, or from `git worktree add`",
        )
    lines = [line for line in said.splitlines() if line.strip()]
    told = [line for line in lines if line.startswith(("fatal:", "error:"))] or lines
    return GitFailed(f"{place}: git {command} failed: {told[0] if told else 'without a word'}")


def _owned(said: str) -> str:
    """The directory in `detected dubious ownership in repository at '/the/directory'`."""
    return said.partition(" at '")[2].partition("'")[0]
