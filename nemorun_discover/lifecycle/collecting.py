"""The tasks and factories of a project: what the scan found, with what the config says of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from nemorun_discover.config.import_roots import import_roots
from nemorun_discover.config.locate import user_cache_dir
from nemorun_discover.discovery.scan import collect
from nemorun_discover.errors import CollectionError
from nemorun_discover.model.task import Issue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nemorun_discover.config.load import Config
    from nemorun_discover.discovery.arguments import Arguments
    from nemorun_discover.model.task import Collection, Task

_SHOWN = 20


def collect_project(config: Config, files: Sequence[str] | None = None) -> Collection:
    """Everything under the project's paths.

    Args:
        config: The project's configuration.
        files: Only these files, so that no other file can be in the way; None for all.

    Raises:
        ConfigError: A `[tasks.NAME]` table is wrong.
    """
    collection = collect(
        config.root,
        config.project.paths if files is None else files,
        pythonpath=config.project.pythonpath,
        import_roots=lambda file: import_roots(config.root, file),
        scripts=_scripts(config),
        is_partial=files is not None,
        may_import=config.may_import,
        cache_dir=user_cache_dir(),
    )
    is_complete = files is None and not (collection.issues or collection.not_imported)
    return _with_tables(config, collection, is_complete=is_complete)


def _scripts(config: Config) -> list[Task]:
    if not config.table("tasks"):
        return []
    from nemorun_discover.config.script_tasks import script_tasks  # noqa: PLC0415 - only for such tables

    return script_tasks(config)


def _with_tables(config: Config, collection: Collection, *, is_complete: bool) -> Collection:
    if not config.table("tasks"):
        return collection
    from nemorun_discover.config.code_tasks import apply_task_tables  # noqa: PLC0415 - likewise

    tasks = apply_task_tables(config, collection.tasks, is_complete=is_complete)
    return replace(collection, tasks=tuple(tasks))


def files_named(arguments: Arguments) -> tuple[str, ...] | None:
    """The files of the node ids, when the arguments select by nothing else; None when they do."""
    files = [one.file for one in arguments.node_ids]
    if arguments.paths or not files or None in files:
        return None
    return tuple(dict.fromkeys(file for file in files if file is not None))


def refuse_issues(issues: Sequence[Issue]) -> None:
    """Raise CollectionError when something could not be collected, with one line for each."""
    if not issues:
        return
    lines = [describe_issue(issue) for issue in issues[:_SHOWN]]
    if len(issues) > _SHOWN:
        lines.append(f"and {len(issues) - _SHOWN} more: `nemorun list` shows all")
    hint = "mend it, select by node id (file.py::task), or add --continue-on-collection-errors"
    raise CollectionError("\n".join(lines), hint=issues[0].hint or hint)


def issues_of_no_import(collection: Collection) -> list[Issue]:
    """What was not imported, for a command that cannot do without it."""
    return [
        Issue(
            file=one.file,
            line=one.line,
            message=f"only importing the file would tell its tasks ({one.reason}), and that is forbidden",
            hint="leave out --no-import, NEMORUN_NO_IMPORT and [project] import_tasks = false",
        )
        for one in collection.not_imported
    ]


def describe_issue(issue: Issue) -> str:
    """`tasks/train.py:12: what is wrong`."""
    place = f"{Path(issue.file)}:{issue.line}" if issue.line else str(Path(issue.file))
    return f"{place}: {issue.message}"
