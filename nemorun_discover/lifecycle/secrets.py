"""Secrets stay out of plans and records: their place holds a name, their value travels beside it. Pure.

`Plan.secrets` has the values by scope: the name of an executor, the id of a job, or PLUGINS.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nemorun_discover.errors import ConfigError
from nemorun_discover.secrets import (
    MASK,
    NOTHING_KNOWN,
    Known,
    has_marks,
    is_secret_name,
    marked_text,
    names_in,
    put_back,
    take_out,
    take_out_of_argv,
    without_marks,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from nemorun_discover.lifecycle.plan import Plan
    from nemorun_discover.model.job import Job
    from nemorun_discover.model.task import Script

PLUGINS = "plugins"
# `nemorun rerun token=…` finds the value of a parameter in the environment under this and its name, too.
PARAMETER = "NEMORUN_PARAM"
_ARGUMENT = "NEMORUN_ARG"
_PLACEHOLDER = "${param:"  # filled in later, by a mark where the parameter is a secret


def hide(
    executor: Mapping[str, Any], known: Known = NOTHING_KNOWN
) -> tuple[dict[str, Any], dict[str, str]]:
    """An executor as it may be written down, and the values that were taken out of it, by name.

    Args:
        executor: As JSON.
        known: What is a secret in its `env_vars`, whatever the variable is called.
    """
    values: dict[str, str] = {}
    return {
        key: take_out(one, values, name=key, known=known if key == "env_vars" else NOTHING_KNOWN)
        for key, one in executor.items()
    }, values


def hide_in_plan(plan: Plan, env: Mapping[str, str], names: Iterable[str] = ()) -> Plan:
    """The plan as it may be written down and shown; its values are in `secrets`. What is hidden already stays.

    Args:
        plan: What is to be launched.
        env: The caller's environment: values of variables whose name promises a secret are one wherever they are.
        names: More variables whose values are secrets: those that the configuration refers to, or `secrets` names.
    """
    named = [one for table in plan.executors.values() for one in table.get("secrets", [])]
    known = Known.in_environment(env, [*names, *named])
    executors, secrets = {}, {name: dict(values) for name, values in plan.secrets.items()}
    for name, table in plan.executors.items():
        executors[name], values = hide(table, known)
        secrets.setdefault(name, {}).update(values)
    jobs = []
    for job in plan.jobs:
        hidden, values = hide_in_job(job, known)
        jobs.append(hidden)
        secrets.setdefault(job.id, {}).update(values)
    plugins, values = [], secrets.setdefault(PLUGINS, {})
    for plugin in plan.plugins:
        fields = {
            key: take_out(one, values, name=key, known=known) for key, one in plugin.fields.items()
        }
        plugins.append(plugin if fields == plugin.fields else replace(plugin, fields=fields))
    return replace(
        plan,
        executors=executors,
        jobs=tuple(jobs),
        plugins=tuple(plugins),
        secrets={scope: values for scope, values in secrets.items() if values},
        argv=tuple(known.masked(one) for one in plan.argv),
        changes=tuple(without_marks(known.masked(one)) for one in plan.changes),
        notes=tuple(without_marks(known.masked(one)) for one in plan.notes),
    )


def hide_in_job(job: Job, known: Known = NOTHING_KNOWN) -> tuple[Job, dict[str, str]]:
    """A job as it may be written down, and the values that were taken out of it."""
    values: dict[str, str] = {}

    def hidden(table: Mapping[str, Any]) -> dict[str, Any]:
        return {
            key: take_out(one, values, name=key, prefix=PARAMETER, known=known)
            for key, one in table.items()
        }

    params, exact = hidden(job.params), hidden(job.exact)
    args = take_out_of_argv(job.args, values, prefix=_ARGUMENT, known=known)
    script = None if job.script is None else _hide_in_script(job.script, values, known)
    if (params, exact, args, script) == (job.params, job.exact, job.args, job.script):
        return job, {}
    return replace(job, params=params, exact=exact, args=args, script=script), values


def _hide_in_script(script: Script, values: dict[str, str], known: Known) -> Script:
    env = {
        name: marked_text(values, name, value)
        if is_secret_name(name) and value and not has_marks(value)
        else known.marked(value, values)
        for name, value in script.env.items()
    }
    command = take_out_of_argv(
        script.command, values, prefix=_ARGUMENT, known=known, but=_PLACEHOLDER
    )
    return (
        script
        if (env, command) == (script.env, script.command)
        else replace(script, env=env, command=command)
    )


def hidden_in(executor: Mapping[str, Any]) -> list[str]:
    """The names of the secrets that were taken out of an executor."""
    return list(dict.fromkeys(names_in(executor)))


def hidden_in_job(job: Job) -> list[str]:
    """The names of the secrets that were taken out of a job."""
    script = list(job.script.env.values()) if job.script else []
    return list(dict.fromkeys([*hidden_in_words(job), *names_in(script)]))


def hidden_in_words(job: Job) -> list[str]:
    """The same without its script's variables: what the worker puts back into parameters and command lines."""
    command = job.script.command if job.script else ()
    return list(dict.fromkeys(names_in([job.params, job.exact, job.args, command])))


def masks_of(plan: Plan) -> dict[str, dict[str, str]]:
    """By scope, `***` for each of the plan's secrets."""
    names = {name: hidden_in(table) for name, table in plan.executors.items()}
    names |= {job.id: hidden_in_job(job) for job in plan.jobs}
    return {scope: dict.fromkeys(found, MASK) for scope, found in names.items() if found}


def reveal(executor: Mapping[str, Any], values: Mapping[str, str]) -> dict[str, Any]:
    """The executor with its secrets in place again.

    Raises:
        ConfigError: The value of one is not known any more.
    """
    try:
        return {key: put_back(value, values) for key, value in executor.items()}
    except KeyError as error:
        raise unknown(str(error.args[0])) from None


def unknown(name: str) -> ConfigError:
    """The error for a secret whose value nobody knows any more."""
    return ConfigError(
        f"the value of {name} is not written down anywhere, and it is not set in this shell",
        hint=f"export {name}=…, or start again with `nemorun rerun`",
    )
