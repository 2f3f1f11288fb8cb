"""What a rerun is told to do differently, as it is typed: `lr=0.1`, `--set`, `-o`, `-e`, `--fresh-code`. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nemorun_discover.config.overrides import with_options
from nemorun_discover.config.tree import Leaf, Tree, place_of
from nemorun_discover.discovery.arguments import parse_set, read_assignment, refuse_repeated
from nemorun_discover.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from nemorun_discover.discovery.arguments import Assignment

_HINT = "a rerun takes -o profiles.NAME.FIELD=value and -o tasks.NAME.params.KEY=value"


@dataclass(frozen=True, kw_only=True, slots=True)
class Changes:
    """What is to be different.

    Attributes:
        params: `key=value` words.
        sets: `--set`.
        overrides: `-o`.
        executor: `-e`; None leaves every job where it was.
        fresh_code: Take the project's code as it is now, whatever was packaged then.
    """

    params: tuple[str, ...] = ()
    sets: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()
    executor: str | None = None
    fresh_code: bool = False


UNCHANGED = Changes()


@dataclass(frozen=True, kw_only=True, slots=True)
class NewDefault:
    """What `-o tasks.NAME.params.KEY=VALUE` says of a parameter; `key=value` and `--set` win over it.

    Attributes:
        task: Whose parameter.
        node: The value, as TOML has it.
        place: Where it was said, as messages begin.
    """

    task: str
    name: str
    node: Leaf | Tree
    place: str


def assignments(changes: Changes) -> tuple[Assignment, ...]:
    """What `key=value` and `--set` say, read as `nemorun run` reads it.

    Raises:
        UsageError: A word is no `key=value`, `--set` has another form, or a parameter is given twice.
    """
    found = []
    for word in changes.params:
        assignment = read_assignment(word)
        if assignment is None:
            raise UsageError(f"{word}: expected key=value")
        found.append(assignment)
    refuse_repeated(found)
    return (*found, *parse_set(changes.sets))


def new_defaults(options: Sequence[str]) -> Iterable[NewDefault]:
    """What `-o` says of parameters.

    Raises:
        UsageError: An option says something of a task that a rerun does not read again.
    """
    for option in options:
        tasks = _table(with_options(_any_profile(option), [option]), "tasks")
        for task, table in tasks.items():
            params = _table(table, "params") if isinstance(table, dict) else {}
            if list(table if isinstance(table, dict) else ()) != ["params"] or not params:
                raise UsageError(f"-o {option}: does not change a rerun", hint=_HINT)
            for name, node in params.items():
                yield NewDefault(task=task, name=name, node=node, place=place_of(name, node))


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
