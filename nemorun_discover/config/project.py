"""The `[project]` table."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nemorun_discover.config.check import Checker
from nemorun_discover.config.tree import Leaf, Origin, Tree, place_of
from nemorun_discover.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, kw_only=True, slots=True)
class DefaultRun:
    """What a bare `nemorun run` runs; at least one key is given.

    Attributes:
        k: Expression over job ids, as `-k`.
        m: Expression over tags, as `-m`.
        e: Executors, as `-e`; one or several.
        set: Parameters, as on the command line: "key=value", one or several.
        args: More arguments, as on the command line: node ids and paths.
    """

    k: str | None = None
    m: str | None = None
    e: str | list[str] = field(default_factory=list)
    set: str | list[str] = field(default_factory=list)
    args: str | list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True, slots=True)
class ProjectTable:
    """What is said of the project as a whole.

    Attributes:
        name: Name of the project; the directory's when it is not given.
        paths: Files and directories to look for tasks in, relative to the configuration file.
        pythonpath: Directories put on `sys.path` after the project's root, relative to it.
        default: What a bare `nemorun run` runs; without it, it only lists.
        import_tasks: Import a file whose tasks a syntax tree does not tell, in an interpreter of its own, and call
            executor factories; false forbids both.
        default_executor: Executor of the tasks that name none, without `-e`; `local` when it is not given.
    """

    name: str = ""
    paths: list[str] = field(default_factory=lambda: ["."])
    pythonpath: list[str] = field(default_factory=list)
    default: DefaultRun | None = None
    default_executor: str | None = None
    import_tasks: bool = True


def read_project(tree: Tree, root: Path, env: Mapping[str, str], origin: Origin) -> ProjectTable:
    """The `[project]` table, checked.

    Args:
        tree: The table.
        root: The project's root.
        env: The environment.
        origin: Where the table stands.

    Raises:
        ConfigError: An unknown key, or a value of the wrong type.
    """
    checker = Checker(env)
    rest = {key: node for key, node in tree.items() if key != "default"}
    values = checker.fields(rest, ProjectTable, origin, what="[project] table")
    default = _default_run(tree.get("default"), checker, origin)
    if checker.problems:
        raise checker.problems[0]
    return ProjectTable(**{"name": _directory_name(root), **values, "default": default})


def _default_run(node: Leaf | Tree | None, checker: Checker, origin: Origin) -> DefaultRun | None:
    if node is None:
        return None
    place = place_of("default", node, origin)
    inside = Origin(source=origin.source, table=(*origin.table, "default"))
    if isinstance(node, Leaf) or not node:
        problem = f"{place}: expected a table with some of k, m, e, set and args"
        checker.problems.append(ConfigError(problem, hint='write default = { k = "train" }'))
        return None
    values: dict[str, Any] = checker.fields(node, DefaultRun, inside, what="default run")
    return DefaultRun(**values)


def _directory_name(root: Path) -> str:
    return os.fsencode(root.name or "project").decode("utf-8", "replace")
