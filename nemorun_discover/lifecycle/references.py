"""What came into a plan through `${env:VAR}` of the configuration: marks in the place of those values."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nemorun_discover.config.locate import FILE_NAME
from nemorun_discover.config.profiles import profile_tree
from nemorun_discover.config.read import read_tree
from nemorun_discover.config.references import marked, referenced, resolve
from nemorun_discover.config.tree import Leaf, Loose, Node, leaves
from nemorun_discover.errors import ConfigError
from nemorun_discover.lifecycle.secrets import hide
from nemorun_discover.secrets import Known, is_public, names_in, promises_secret

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from nemorun_discover.config.load import Config
    from nemorun_discover.lifecycle.plan import Plan
    from nemorun_discover.model.job import Job
    from nemorun_discover.model.task import Task


def references_of(config: Config) -> set[str]:
    """The variables that profiles and tables of tasks refer to."""
    tables = ("profiles", "tasks")
    return {
        name
        for table in tables
        for _, leaf in leaves(config.table(table))
        for name in referenced(leaf.value)
    }


def mark_references(plan: Plan, config: Config) -> Plan:
    """The plan with marks where variables of jobs, parameters and commands came from the environment.

    What else a profile takes from there (an account, a host) are settings, which its scheduler has to be told.
    """
    if not references_of(config):
        return plan
    secrets = {scope: dict(values) for scope, values in plan.secrets.items()}
    executors = {
        name: _mark_executor(name, table, config, secrets.setdefault(name, {}))
        for name, table in plan.executors.items()
    }
    jobs = tuple(_mark_job(job, config, secrets.setdefault(job.id, {})) for job in plan.jobs)
    return replace(plan, executors=executors, jobs=jobs, secrets=secrets)


def hide_executors(
    executors: Mapping[str, Mapping[str, Any]], config: Config
) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, str]]]:
    """Executors that the configuration has given, as `compose` would write them down, and by name what was taken out."""
    named = [one for table in executors.values() for one in table.get("secrets", [])]
    known = Known.in_environment(config.env, [*references_of(config), *named])
    tables, secrets = {}, {}
    for name, table in executors.items():
        values: dict[str, str] = {}
        marked_table = _mark_executor(name, table, config, values)
        tables[name], others = hide(marked_table, known)
        secrets[name] = {**values, **others}
    return tables, {name: values for name, values in secrets.items() if values}


def mark_option(
    fields: Mapping[str, Any], given: Mapping[str, Node], env: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, str]]:
    """The same of single fields that an option has set, which is all that `given` holds."""
    values: dict[str, str] = {}
    table = dict(fields)
    if "env_vars" in table:
        table["env_vars"] = _marked(table["env_vars"] or {}, given.get("env_vars"), env, values)
    hidden, others = hide(table)
    return hidden, {**values, **others}


def _mark_executor(
    name: str, table: Mapping[str, Any], config: Config, values: dict[str, str]
) -> dict[str, Any]:
    # A folder's own executor has its folder before the name; profiles have none.
    given = _profile(config, name.rpartition("/")[2]).get("env_vars")
    found = _marked(table.get("env_vars") or {}, given, config.env, values)
    return {**table, "env_vars": found}


def private_files(config: str | None) -> list[Path]:
    """The configuration, where it holds the value of a secret itself; a pyproject.toml has more to say to a package."""
    if config is None or Path(config).name != FILE_NAME:
        return []
    try:
        tree = read_tree(Path(config), FILE_NAME)
    except ConfigError:
        return []
    return [Path(config)] if any(_is_literal(path, leaf) for path, leaf in leaves(tree)) else []


def _is_literal(path: tuple[str, ...], leaf: Leaf) -> bool:
    value = _natural(leaf.value)
    is_path = isinstance(value, str) and value.startswith(("/", "~", "./"))
    names = [one for one in path[2:] if promises_secret(one, value)]
    return bool(names) and not is_path and not referenced(leaf.value)


def as_written(tasks: Iterable[Task], config: Config) -> list[Task]:
    """The tasks with `${env:VAR}` in parameters as it is written, for whoever shows them."""
    return [_as_written(task, config) for task in tasks] if references_of(config) else list(tasks)


def _as_written(task: Task, config: Config) -> Task:
    tables = config.table("tasks")
    table = tables.get(task.id, tables.get(task.name))
    given = table.get("params") if isinstance(table, dict) else None
    texts = {
        name: str(_natural(leaf.value))
        for name, leaf in (given.items() if isinstance(given, dict) else ())
        if isinstance(leaf, Leaf) and not all(map(is_public, referenced(leaf.value)))
    }
    if not texts:
        return task
    params = tuple(
        replace(one, default=texts[one.name], default_text=texts[one.name])
        if one.name in texts and task.script is not None
        else one
        for one in task.params
    )
    values = {name: texts.get(name, value) for name, value in task.values.items()}
    return replace(task, params=params, values=values)


def mark_jobs(jobs: Iterable[Job], config: Config) -> list[Job]:
    """The jobs alone, for whoever only lists them."""
    return [_mark_job(job, config, {}) for job in jobs] if references_of(config) else list(jobs)


def _profile(config: Config, name: str) -> dict[str, Node]:
    return {} if name not in config.table("profiles") else profile_tree(config, name)


def _mark_job(job: Job, config: Config, values: dict[str, str]) -> Job:
    tables = config.table("tasks")
    for key in (job.task, f"{job.file}::{job.function or job.task}"):
        table = tables.get(key)
        if not isinstance(table, dict):
            continue
        job = replace(job, params=_marked(job.params, table.get("params"), config.env, values))
        if job.script is None:
            continue
        script = replace(
            job.script, env=_marked(job.script.env, table.get("env"), config.env, values)
        )
        command = table.get("command")
        if isinstance(command, Leaf) and script.command:
            words = _marked({"": list(script.command)}, {"": command}, config.env, values)[""]
            script = replace(script, command=tuple(words))
        job = replace(job, script=script)
    return job


def _marked(
    table: Mapping[str, Any], given: Node | None, env: Mapping[str, str], values: dict[str, str]
) -> dict[str, Any]:
    """The table with marks in what is still as the configuration gave it."""
    found = dict(table)
    for name, leaf in given.items() if isinstance(given, dict) else ():
        if name not in found or not isinstance(leaf, Leaf) or not referenced(leaf.value):
            continue
        if _natural(resolve(leaf.value, env, "")) == found[name]:
            found[name] = _natural(marked(leaf.value, env))
            values.update({one: env[one] for one in names_in(found[name])})
    return found


def _natural(value: Any) -> Any:  # noqa: ANN401 - a TOML value
    return value.natural if isinstance(value, Loose) else value
