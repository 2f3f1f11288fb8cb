"""What a rerun is told to do differently, as it is typed: `lr=0.1`, `-o`, `-e`, `--fresh-code`. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nemorun_discover.config.overrides import with_options
from nemorun_discover.config.tree import Leaf, Loose, Tree
from nemorun_discover.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_ASSIGNMENT = re.compile(r"([^\W\d]\w*)=(.*)", re.DOTALL)
_HINT = "a rerun takes -o profiles.NAME.FIELD=value and -o tasks.NAME.params.KEY=value"


@dataclass(frozen=True, kw_only=True, slots=True)
class Changes:
    """What is to be different.

    Attributes:
        params: `key=value` words.
        overrides: `-o`.
        executor: `-e`; None leaves every job where it was.
        fresh_code: Take the project's code as it is now, whatever was packaged then.
    """

    params: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()
    executor: str | None = None
    fresh_code: bool = False


UNCHANGED = Changes()


@dataclass(frozen=True, kw_only=True, slots=True)
class NewValue:
    """A parameter's new value, as text.

    Attributes:
        task: Whose parameter; None for every task that has it.
        typed: The word or option, for messages.
    """

    name: str
    text: str
    typed: str
    task: str | None = None


def is_assignment(word: str) -> bool:
    """True for `lr=0.1`; a job's id has its brackets, and no executor's name begins a word, before `=`."""
    return _ASSIGNMENT.fullmatch(word) is not None


def new_values(changes: Changes) -> tuple[NewValue, ...]:
    """The parameters that change: first those of every task, then those of one.

    Raises:
        UsageError: A word is no `key=value`, or an option says nothing of a parameter.
    """
    return (*map(_of_word, changes.params), *_of_options(changes.overrides))


def _of_word(word: str) -> NewValue:
    found = _ASSIGNMENT.fullmatch(word)
    if found is None:
        raise UsageError(f"{word}: expected key=value")
    return NewValue(name=found[1], text=found[2], typed=word)


def _of_options(options: Sequence[str]) -> Iterable[NewValue]:
    for option in options:
        tasks = _table(with_options(_any_profile(option), [option]), "tasks")
        for task, table in tasks.items():
            params = _table(table, "params") if isinstance(table, dict) else {}
            if list(table if isinstance(table, dict) else ()) != ["params"] or not params:
                raise UsageError(f"-o {option}: does not change a rerun", hint=_HINT)
            for name, node in params.items():
                yield NewValue(name=name, text=_text(node, option), typed=f"-o {option}", task=task)


def profile_options(options: Sequence[str]) -> list[tuple[str, str]]:
    """The options that change an executor, each with the executor's name.

    Raises:
        UsageError: An option is about something that a rerun does not read again.
    """
    found = []
    for option in options:
        tree = with_options(_any_profile(option), [option])
        if "project" in tree:
            raise UsageError(f"-o {option}: does not change a rerun", hint=_HINT)
        if "tasks" not in tree:
            named = [name for name, table in _table(tree, "profiles").items() if table]
            found += [(name, option) for name in named]
    return found


def _any_profile(option: str) -> Tree:
    """A tree that has whichever profile the option names: whether there is one is for others to say."""
    words = re.findall(r'"(?:[^"\\]|\\.)*"|\'[^\']*\'|[^.=\s]+', option)
    return {"profiles": {word.strip("\"'"): {} for word in words[1:2]}}


def _table(tree: Tree, name: str) -> Tree:
    node = tree.get(name, {})
    return {} if isinstance(node, Leaf) else node


def _text(node: Leaf | Tree, option: str) -> str:
    """The value as it was typed."""
    if isinstance(node, Leaf) and isinstance(node.value, Loose):
        return str(node.value.text)
    return option.partition("=")[2].strip()
