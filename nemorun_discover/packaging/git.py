"""Asking git: read only, free of the caller's GIT_* variables, and never for ever.

Nothing that a repository's own configuration names is run: whoever hands over a directory hands over its `.git/config`
too. So there is no hook, no monitor of the file system, no filter, no diff driver, no pager, no remote and with it no
credential helper. Filters of the user's own configuration (LFS) are as they are.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
from threading import Timer
from typing import TYPE_CHECKING, Self

from nemorun_discover.errors import UsageError
from nemorun_discover.packaging.listing import shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TIMEOUT_S = 120.0
_CHUNK = 1 << 20
_PIPE = 1 << 20  # what an unprivileged process may have: git is done before anybody reads
# What `git rev-parse --local-env-vars` names of a repository's place; hooks of git run with these set.
_OF_ANOTHER_REPOSITORY = (
    *("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY"),
    *("GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_NAMESPACE", "GIT_PREFIX", "GIT_SHALLOW_FILE"),
    *("GIT_EXTERNAL_DIFF", "GIT_DIFF_OPTS"),
    *("GIT_GLOB_PATHSPECS", "GIT_NOGLOB_PATHSPECS", "GIT_ICASE_PATHSPECS"),
)
# By command, what keeps it from running programs, in the repository and in its submodules, which git would look into
# with a configuration of their own.
_LOOKS_AT_FILES = {
    "status": ("--ignore-submodules=dirty",),
    "diff": ("--no-ext-diff", "--no-textconv", "--ignore-submodules=dirty"),
}
_SUBMODULE = "160000 "  # the mode of a commit in the index
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


def submodules(directory: str) -> list[tuple[str, str]]:
    """The submodules below a directory that are checked out: path, relative to it, and commit, as the index says.

    Whoever wants to know what has changed in one asks it by itself: a `git status` of the whole would look into it as
    its own configuration says, so `start` keeps it from that.
    """
    above = os.path.abspath(directory)  # noqa: PTH100 - may not be UTF-8
    while not os.path.lexists(f"{above}/.gitmodules"):
        if above == "/" or os.path.lexists(f"{above}/.git"):
            return []
        above = os.path.dirname(above)  # noqa: PTH120
    try:
        index = os.fsdecode(ask(directory, "ls-files", "--stage", "-z"))
    except GitFailed:
        return []
    found = []
    for entry in index.split("\0"):
        words, _, path = entry.partition("\t")
        if words.startswith(_SUBMODULE) and os.path.lexists(f"{directory}/{path}/.git"):
            found.append((path, words.split(" ")[1]))
    return found


def start(directory: str, *arguments: str, is_silent: bool = False) -> subprocess.Popen[bytes]:
    """Start git in a directory.

    Args:
        directory: Where.
        arguments: The command and its arguments; of `diff` and `status`, what would run programs is left out.
        is_silent: Nobody reads what it says on stderr.

    Raises:
        GitFailed: Git is not installed.
    """
    # `-c` wins over every file. A monitor would be asked by its hook, and would write into .git.
    options = ["--no-optional-locks", "--no-pager", "-c", "core.fsmonitor=false"]
    options += ["-c", "core.hooksPath=/dev/null", "-C", directory]
    env = _environment()
    command, *rest = arguments
    if command in _LOOKS_AT_FILES:
        env |= _without_filters(directory, env)
        rest = [*_LOOKS_AT_FILES[command], *rest]
    said = subprocess.DEVNULL if is_silent else subprocess.PIPE
    try:
        return subprocess.Popen(  # noqa: S603 - argv, no shell
            ["git", *options, command, *rest],  # noqa: S607 - the user's git
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            env=env,
            pipesize=_PIPE,
        )
    except OSError as error:
        raise GitFailed(f"git cannot be started ({error.strerror})", hint=_NO_GIT) from error


def _environment() -> dict[str, str]:
    env = {name: text for name, text in os.environ.items() if name not in _OF_ANOTHER_REPOSITORY}
    env |= {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    # A partial clone would fetch what it lacks: by ssh, by a helper, by whatever its configuration says.
    return env | {"GIT_NO_LAZY_FETCH": "1", "GIT_ALLOW_PROTOCOL": "none"}


def _without_filters(directory: str, env: Mapping[str, str]) -> dict[str, str]:
    """Variables of git under which the filters that the repository's own configuration names are not there.

    `git status` and `git diff` pass a file whose time has changed through `filter.<name>.clean`. One that the user's
    own configuration names too is as that says.
    """
    if not _may_name_filters(directory):
        return {}
    listing = ("config", "--includes", "--show-scope", "-z", "--get-regexp", r"^filter\.")
    asked = subprocess.run(  # noqa: S603 - argv, no shell
        ["git", "-C", directory, *listing],  # noqa: S607 - the user's git
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=dict(env),
        timeout=TIMEOUT_S,
        check=False,
    )
    fields = iter(os.fsdecode(asked.stdout).split("\0"))
    users: dict[str, str] = {}
    owns: set[str] = set()
    for scope, entry in zip(fields, fields, strict=False):
        name, _, value = entry.partition("\n")
        if scope in ("local", "worktree"):
            owns.add(name)
        else:
            users[name] = value
    # Not `-c`: a filter's name may hold an equals sign.
    first = int(env.get("GIT_CONFIG_COUNT") or 0)
    changed: dict[str, str] = {}
    for number, name in enumerate(sorted(owns), first):
        otherwise = "false" if name.endswith(".required") else ""
        changed[f"GIT_CONFIG_KEY_{number}"] = name
        changed[f"GIT_CONFIG_VALUE_{number}"] = users.get(name, otherwise)
    return {**changed, "GIT_CONFIG_COUNT": str(first + len(owns))} if owns else {}


def _may_name_filters(directory: str) -> bool:
    """False where a look at the repository's configuration shows that it names none: asking git takes 5 ms."""
    top = os.path.abspath(directory)  # noqa: PTH100 - may not be UTF-8, as all names here
    while not os.path.lexists(f"{top}/.git"):
        if top == "/":
            return True
        top = os.path.dirname(top)  # noqa: PTH120
    try:
        with open(f"{top}/.git/config", "rb") as file:  # noqa: PTH123
            text = file.read().lower()
    except OSError:  # a worktree's .git is a file
        return True
    return any(word in text for word in (b"filter", b"include", b"worktreeconfig"))


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
        hint="`git fsck` tells more; of a partial clone, `git fetch --refetch --no-filter` gets all",
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
