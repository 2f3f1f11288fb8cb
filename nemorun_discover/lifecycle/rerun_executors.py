"""The executors of a rerun: as recorded, with single fields changed, or another one altogether."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from nemorun_discover.config.check import Checker
from nemorun_discover.config.fields import canonical_name
from nemorun_discover.config.load import load_config
from nemorun_discover.config.nearest import hint_for
from nemorun_discover.config.overrides import with_options
from nemorun_discover.config.resolve import executor_names, resolve_executor
from nemorun_discover.config.tree import Leaf, Origin, Tree
from nemorun_discover.discovery.durations import parse_duration_s
from nemorun_discover.discovery.executor_names import match_executors
from nemorun_discover.errors import UsageError
from nemorun_discover.executors.codec import executor_from_dict, executor_to_dict
from nemorun_discover.executors.kinds import class_of
from nemorun_discover.lifecycle.collecting import collect_project
from nemorun_discover.lifecycle.leaves import as_words, differences
from nemorun_discover.lifecycle.placing import check_secrets
from nemorun_discover.lifecycle.references import hide_executors, mark_option
from nemorun_discover.secrets import is_mark

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nemorun_discover.config.load import Config
    from nemorun_discover.model.job import Job
    from nemorun_discover.model.record import Project
    from nemorun_discover.model.task import Json

    Tables = Mapping[str, dict[str, Json]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Chosen:
    """The executors of a rerun.

    Attributes:
        tables: By name, without the values of secrets.
        secrets: By name, the values that were taken out.
        sentences: What is not as it was.
    """

    tables: dict[str, dict[str, Json]]
    secrets: dict[str, dict[str, str]]
    sentences: tuple[str, ...] = ()


def overridden(
    tables: Tables, options: Sequence[tuple[str, str]], env: Mapping[str, str]
) -> Chosen:
    """The recorded executors with what `-o profiles.NAME.FIELD=value` says.

    Args:
        tables: As recorded, by name.
        options: Names and options.
        env: What `${env:VAR}` is resolved from.

    Raises:
        UsageError: No such executor runs again.
        ConfigError: There is no such field, or its value is of another type.
    """
    changed = dict(tables)
    secrets: dict[str, dict[str, str]] = {}
    sentences: list[str] = []
    for name, option in options:
        if name not in changed:
            raise UsageError(
                f"-o {option}: no job that runs again is on {name}",
                hint=hint_for(name, list(changed), what="they are on"),
            )
        given, values = _given(name, changed[name], option, env)
        secrets[name] = {**secrets.get(name, {}), **values}
        changed[name] = _complete(_merged(changed[name], given))
    for name in dict.fromkeys(name for name, _ in options):
        sentences += [
            f"executor {name}: {one.name} = {as_words(one.after)} instead of {as_words(one.before)}"
            for one in differences(name, _complete(tables[name]), changed[name])
        ]
    return Chosen(tables=changed, secrets=secrets, sentences=tuple(sentences))


def _given(
    name: str, table: Mapping[str, Json], option: str, env: Mapping[str, str]
) -> tuple[dict[str, Json], dict[str, str]]:
    """The fields that an option sets, checked, by their own names, and the values of secrets taken out of them."""
    only = _profile(with_options({"profiles": {name: {}}}, [option]), name)
    if "kind" in only:
        raise UsageError(
            f"-o {option}: a rerun cannot change what kind of executor {name} is",
            hint="-e NAME moves the jobs to another executor",
        )
    over = _profile(with_options({"profiles": {name: _kinds(table)}}, [option]), name)
    checker = Checker(env, is_partial=True)
    checked = checker.settings(over, "executor", Origin(source="-o"))
    for problem in checker.problems:
        raise problem
    cls = class_of("executor", str(table["kind"]))
    names = {canonical_name(cls, one): given for one, given in only.items()}
    return mark_option({key: checked[key] for key in names}, names, env)


def _profile(tree: Tree, name: str) -> Tree:
    profiles = tree["profiles"]
    found = profiles[name] if isinstance(profiles, dict) else {}
    return found if isinstance(found, dict) else {}


def _kinds(table: Mapping[str, Json]) -> Tree:
    """The kinds of a table and of the tables in it, which tell what its fields may be."""
    tree: Tree = {}
    for key, value in table.items():
        if key == "kind":
            tree[key] = Leaf(value=value, origin=Origin(source="record"))
        elif key == "launcher" and isinstance(value, str):
            tree[key] = _kinds({"kind": value})
        elif isinstance(value, dict) and (inside := _kinds(value)):
            tree[key] = inside
    return tree


def _merged(base: Mapping[str, Json], over: Mapping[str, Json]) -> dict[str, Json]:
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        if below is not None and _is_of_one_kind(below, value):
            merged[key] = _merged(below, value)
        else:
            merged[key] = value
    return merged


def _is_of_one_kind(below: Json, over: Json) -> bool:
    """True for two tables whose fields mean the same; the mark of a secret is no table."""
    if not isinstance(below, dict) or not isinstance(over, dict) or is_mark(over):
        return False
    return below.get("kind") == over.get("kind")


def _complete(table: Mapping[str, Json]) -> dict[str, Json]:
    """The table with every field of its kind."""
    return executor_to_dict(executor_from_dict(table))


def moved(
    jobs: Sequence[Job],
    project: Project,
    pattern: str,
    options: Sequence[str],
    env: Mapping[str, str],
    *,
    config_file: Path | None = None,
) -> tuple[str, Chosen]:
    """The one executor that `-e` means, as the project's configuration says now.

    Raises:
        UsageError: There is none of that name, or more than one is meant.
        ConfigError: The configuration or the executor is wrong, or a secret is not set.
    """
    config = config_of(project, config_file, options)
    factories = collect_project(config).factories
    names = [one.name for one in executor_names(config, factories)]
    found = match_executors(names, [pattern])
    if len(found) > 1:
        raise UsageError(
            f"-e {pattern}: means {', '.join(found)}, and a rerun moves its jobs to one executor",
            hint="`nemorun run` puts tasks on several",
        )
    executors = [
        resolve_executor(found[0], config=config, factories=factories, near=near, env=env)
        for near in dict.fromkeys(job.file for job in jobs)
    ]
    tables = [executor_to_dict(one) for one in executors]
    if any(table != tables[0] for table in tables):
        raise UsageError(
            f"-e {pattern}: is not the same executor for all of these jobs, whose folders have their own",
            hint="rerun the jobs of one folder at a time",
        )
    check_secrets({found[0]: executors[0]}, env)
    hidden, secrets = hide_executors({found[0]: tables[0]}, config)
    return found[0], Chosen(tables=hidden, secrets=secrets)


def config_of(project: Project, file: Path | None, options: Sequence[str] = ()) -> Config:
    """The configuration of a recorded project as it is now.

    Args:
        project: From the record.
        file: `-c`; None for the recorded file, or the one that is found in its place.
        options: `-o`.
    """
    recorded = Path(project.config) if project.config else None
    if file is None and recorded is not None and recorded.is_file():
        file = recorded
    return load_config(Path(project.root), file=file, overrides=options)


def with_limits(
    job: Job, before: Mapping[str, Json], after: Mapping[str, Json], name: str | None = None
) -> Job:
    """The job on another executor, or on a changed one: limits that came from the executor change with it."""
    changes: dict[str, Json] = {}
    if job.timeout_s == _timeout_s(before):
        changes["timeout_s"] = _timeout_s(after)
    if job.retries == before.get("retries", 0):
        changes["retries"] = after.get("retries", 0)
    return replace(job, executor=name or job.executor, **changes)


def _timeout_s(table: Mapping[str, Json]) -> float | None:
    limit = table.get("timeout")
    return None if limit is None else parse_duration_s(str(limit))
