"""The words of a command line: paths, node ids and parameter assignments."""

from __future__ import annotations

import os.path
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nemorun_discover.discovery.names import shortened
from nemorun_discover.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

_TASK_PART = re.compile(
    r"(?P<name>[^\[\]@]+)(\[(?P<label>[^\]]*)\])?(@(?P<executor>.+))?", re.DOTALL
)


@dataclass(frozen=True, kw_only=True, slots=True)
class NodeId:
    """A task, or some of its jobs, by id: `tasks/train.py::train[lr=0.1]@local`.

    Attributes:
        text: As it was typed.
        file: Relative to the root, with `/`; None when only the task's name was given.
        label: What stands in brackets; None for every job of the task.
        executor: What follows `@`; None for any.
    """

    text: str
    name: str
    file: str | None = None
    label: str | None = None
    executor: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Assignment:
    """A parameter that was given a value, still as text.

    Attributes:
        text: The value, or a comma-separated list of values.
        task: The only task it is for (its name or node id); None for every selected task.
    """

    name: str
    text: str
    task: str | None = None

    @property
    def typed(self) -> str:
        """As it stands on the command line, for messages."""
        given = f"{self.name}={self.text}"
        return given if self.task is None else f"--set {self.task}.{given}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Arguments:
    """What positional arguments say.

    Attributes:
        paths: Files and directories relative to the root, with `/`; `.` is the root.
    """

    paths: tuple[str, ...] = ()
    node_ids: tuple[NodeId, ...] = ()
    assignments: tuple[Assignment, ...] = field(default=())


def split_arguments(words: Sequence[str], *, root: Path, cwd: Path) -> Arguments:
    """Tell paths, node ids and assignments apart.

    `key=value` is an assignment when an identifier stands before the `=` (a file of that name is `./key=value`).
    `@file` is replaced by the file's lines. A word that is no existing path but holds `::`, `[` or `@` is a
    node id or a job id; its file may be relative to `cwd` or, as ids are printed, to the root.

    Raises:
        UsageError: A word is none of these, or a file does not exist or lies outside the root.
    """
    paths: list[str] = []
    node_ids: list[NodeId] = []
    assignments: list[Assignment] = []
    for word in _with_argument_files(words, cwd):
        assignment = read_assignment(word)
        if assignment is not None:
            assignments.append(assignment)
        elif word and "::" not in word and _exists(cwd / word):
            paths.append(_relative_to_root(word, root=root, base=cwd))
        else:
            node_ids.append(_node_id(word, root=root, cwd=cwd))
    refuse_repeated(assignments)
    return Arguments(paths=tuple(paths), node_ids=tuple(node_ids), assignments=tuple(assignments))


def parse_set(words: Sequence[str]) -> tuple[Assignment, ...]:
    """Read the values of `--set`: `task.key=value`.

    Raises:
        UsageError: One has another form, or two are for the same parameter.
    """
    assignments = [_set_assignment(word) for word in words]
    refuse_repeated(assignments)
    return tuple(assignments)


def refuse_repeated(assignments: Iterable[Assignment]) -> None:
    """Raise UsageError when a parameter is given twice: it may be meant as a sweep, or as a change of mind."""
    seen: dict[tuple[str | None, str], Assignment] = {}
    for one in assignments:
        first = seen.setdefault((one.task, one.name), one)
        if first is not one:
            raise UsageError(
                f"{one.name} is given twice: {shortened(first.typed)} and {shortened(one.typed)}",
                hint=f"give it once; a sweep is a list: {one.name}=A,B",
            )


def _set_assignment(word: str) -> Assignment:
    left, equals, text = word.partition("=")
    task, dot, name = left.rpartition(".")
    if not (equals and dot and task and name.isidentifier()):
        raise UsageError(
            f"--set {shortened(word)} is not of the form task.key=value",
            hint="for example --set train.lr=0.001",
        )
    return Assignment(name=name, text=text, task=task)


def read_assignment(word: str) -> Assignment | None:
    """What `key=value` says; None for a word in which no identifier stands before the `=`."""
    name, equals, text = word.partition("=")
    return Assignment(name=name, text=text) if equals and name.isidentifier() else None


def _with_argument_files(words: Iterable[str], cwd: Path) -> Iterator[str]:
    for word in words:
        if not word.startswith("@"):
            yield word
            continue
        for line in _lines(word[1:], cwd):
            if line.startswith("@"):
                raise UsageError(
                    f"{word} names another argument file, {line}: they cannot be nested"
                )
            yield line


def _lines(name: str, cwd: Path) -> list[str]:
    try:
        text = (cwd / name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise UsageError(f"the argument file {name!r} cannot be read: {error}") from error
    # Not splitlines(), which would also cut a value at U+2028; and what ends a line may belong to a value.
    lines = (line.lstrip() for line in text.split("\n"))
    return [line for line in lines if line and not line.startswith("#")]


def _node_id(word: str, *, root: Path, cwd: Path) -> NodeId:
    file, colons, rest = word.partition("::")
    if not colons:
        file, rest = "", word
    match = _TASK_PART.fullmatch(rest)
    if match is None or not (colons or "[" in word or "@" in word):
        raise _no_such_word(word)
    return NodeId(
        text=word,
        file=_file_of(file, word, root=root, cwd=cwd) if colons else None,
        name=match["name"],
        label=match["label"],
        executor=match["executor"],
    )


def _file_of(file: str, word: str, *, root: Path, cwd: Path) -> str:
    for base in (cwd, root):
        if file and _exists(base / file):
            return _relative_to_root(file, root=root, base=base)
    raise UsageError(f"no file {file!r}, as in {shortened(word)}")


def _relative_to_root(text: str, *, root: Path, base: Path) -> str:
    path = base / text
    relative = os.path.relpath(path, root)
    if _is_outside(relative):
        # One of the two may have been reached through a symbolic link.
        relative = os.path.relpath(os.path.realpath(path), os.path.realpath(root))
    if _is_outside(relative):
        raise UsageError(f"{text!r} lies outside the project {str(root)!r}")
    return relative.replace(os.sep, "/")


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a name too long for the file system, or with a NUL
        return False


def _is_outside(relative: str) -> bool:
    return relative == os.pardir or relative.startswith(os.pardir + os.sep)


def _no_such_word(word: str) -> UsageError:
    name, equals, _ = word.partition("=")
    if equals and "." in name and "/" not in name:
        return UsageError(
            f"{shortened(name)} is not the name of a parameter, as in {shortened(word)}",
            hint=f"for a parameter of one task: --set {word}",
        )
    if re.fullmatch(r"[\w.-]+", word) and "." not in word:
        return UsageError(f"no file or directory {word!r}; to select by name use -k {word}")
    return UsageError(f"no file or directory {shortened(word)}")
