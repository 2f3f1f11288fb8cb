"""The configuration of a project: the user's file, the project's, the environment and `-o`, in that order."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from nemorun_discover.config.locate import (
    FILE_NAME,
    PYPROJECT,
    find_config,
    shown,
    user_config_file,
)
from nemorun_discover.config.nearest import hint_for
from nemorun_discover.config.overrides import TABLES, with_environment, with_options
from nemorun_discover.config.profiles import check_overridden
from nemorun_discover.config.project import ProjectTable, read_project
from nemorun_discover.config.read import read_tree
from nemorun_discover.config.tree import Leaf, Origin, Tree, merge, origin_of, place_of
from nemorun_discover.config.values import check_name
from nemorun_discover.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


NO_IMPORT_VARIABLE = "NEMORUN_NO_IMPORT"


@dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    """A project's configuration.

    Attributes:
        root: The project's root, absolute: where its file lies, or where nemorun works when there is none.
        file: The project's file, absolute; None when there is none.
        user_file: The user's file; None when there is none.
        project: The `[project]` table, checked.
        tree: All tables, each value with where it was written.
        env: The environment that references are resolved from.
        may_import: Whether files of the project may be imported to find tasks, and factories be called: False when
            NEMORUN_NO_IMPORT, the user's file or the project says so.
    """

    root: Path
    file: Path | None = None
    user_file: Path | None = None
    project: ProjectTable
    tree: Tree = field(repr=False)
    env: Mapping[str, str] = field(repr=False)
    may_import: bool = True

    def table(self, name: str) -> Tree:
        """One of the tables `project`, `profiles` and `tasks`; empty when it is not there."""
        node = self.tree.get(name, {})
        return {} if isinstance(node, Leaf) else node

    @property
    def label(self) -> str:
        """What messages call the project's file."""
        return FILE_NAME if self.file is None else self.file.name

    def origin(self, *keys: str) -> Origin:
        """Where a table stands in the project's file."""
        return _origin(self.file, *keys)


def load_config(
    directory: Path,
    *,
    file: Path | None = None,
    overrides: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
) -> Config:
    """Find, read and merge the configuration that applies in a directory.

    Profiles are not checked here, but when they are resolved, or all at once by `validate_all`.

    Args:
        directory: Where nemorun works.
        file: `-c FILE`; None to look for one.
        overrides: `-o key=value`, in order.
        env: The environment; None for the process's.

    Raises:
        ConfigError: A file cannot be read, or holds a table or key that there is not.
    """
    env = dict(os.environ if env is None else env)
    directory = directory.absolute()
    found = find_config(directory, env, file)
    root = directory if found is None else found.parent
    user = user_config_file()
    user_tree = _user_tree(user) if os.path.lexists(user) else {}
    tree = {} if found is None else read_tree(found, found.name)
    _check_tables(tree, TABLES, found.name if found else "")
    tree = with_options(with_environment(merge(user_tree, tree), env), overrides)
    _check_tables(tree, TABLES, "")
    project = tree.get("project", {})
    config = Config(
        root=root,
        file=found,
        user_file=user if os.path.lexists(user) else None,
        project=read_project(
            project if isinstance(project, dict) else {}, root, env, _origin(found, "project")
        ),
        tree=tree,
        env=env,
    )
    is_forbidden = bool(env.get(NO_IMPORT_VARIABLE)) or _forbids_import(user_tree)
    config = replace(config, may_import=config.project.import_tasks and not is_forbidden)
    _check_names(config)
    check_overridden(config)
    return config


def _forbids_import(tree: Tree) -> bool:
    """True for a user's file that forbids it: no project can allow itself what its user does not."""
    project = tree.get("project", {})
    leaf = project.get("import_tasks") if isinstance(project, dict) else None
    return isinstance(leaf, Leaf) and leaf.value is False


def _origin(file: Path | None, *keys: str) -> Origin:
    name = FILE_NAME if file is None else file.name
    prefix = ("tool", "nemorun") if name == PYPROJECT else ()
    return Origin(source=name, table=(*prefix, *keys))


def _user_tree(path: Path) -> Tree:
    label = shown(path)
    tree = read_tree(path, label)
    _check_tables(tree, ("project", "profiles"), label)
    project = tree.get("project", {})
    for key, node in project.items() if isinstance(project, dict) else ():
        if key not in ("default_executor", "import_tasks"):
            raise ConfigError(
                f"{place_of(key, node)}: the user's file cannot say this of every project",
                hint="of [project] it takes default_executor and import_tasks only",
            )
    return tree


def _check_tables(tree: Tree, known: Sequence[str], label: str) -> None:
    """Refuse what stands at the top of a file and is none of its tables."""
    for key, node in tree.items():
        place = place_of(key, node, Origin(source=label))
        if key not in known:
            raise ConfigError(
                f"{place}: unknown {'key' if isinstance(node, Leaf) else 'table'}",
                hint=hint_for(key, known, what="the tables are"),
            )
        children = node.items() if isinstance(node, dict) else ()
        if isinstance(node, Leaf):
            raise ConfigError(f"{place}: expected a table", hint=f"write [{key}]")
        for name, child in children:
            if key != "project" and isinstance(child, Leaf):
                raise ConfigError(
                    f"{place_of(name, child)}: expected a table", hint=f"write [{key}.{name}]"
                )


def _check_names(config: Config) -> None:
    for name, node in config.table("profiles").items():
        place = origin_of(node, config.origin("profiles")).source
        check_name(name, f"{place}: [profiles]", "profile")
