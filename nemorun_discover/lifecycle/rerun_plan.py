"""The plan of a rerun with changes: parameters, fields of executors, another executor, fresh code."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from nemorun_discover.lifecycle.relabel import on_executor, settle
from nemorun_discover.lifecycle.rerun_changes import assignments, new_defaults, profile_options
from nemorun_discover.lifecycle.rerun_code import packager_of
from nemorun_discover.lifecycle.rerun_executors import moved, overridden, with_limits
from nemorun_discover.lifecycle.rerun_params import RecordedTypes, mismatches, with_new_values

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from nemorun_discover.lifecycle.plan import Plan
    from nemorun_discover.lifecycle.rerun_changes import Changes
    from nemorun_discover.lifecycle.rerun_executors import Chosen
    from nemorun_discover.model.record import Record


def changed(
    plan: Plan,
    record: Record,
    changes: Changes,
    env: Mapping[str, str],
    config_file: Path | None,
) -> Plan:
    """The plan with everything that is to be different, and a sentence for each change.

    Raises:
        UsageError: A change cannot be made to these jobs.
        ConfigError: An executor cannot be changed so.
    """
    pairs, sentences = with_new_values(
        plan.jobs,
        assignments(changes),
        RecordedTypes(record.project, record.types, env),
        defaults=new_defaults(changes.overrides),
        env=env,
    )
    before, jobs = tuple(old for old, _ in pairs), tuple(new for _, new in pairs)
    plan = replace(plan, jobs=jobs, changes=sentences)
    options = profile_options(changes.overrides)
    if changes.executor is None:
        plan = _on_changed_executors(plan, overridden(plan.executors, options, env))
    else:
        texts = [option for _, option in options]
        name, chosen = moved(
            jobs, plan.project, changes.executor, texts, env, config_file=config_file
        )
        plan = _on_another_executor(plan, name, chosen, texts)
    if changes.fresh_code:
        plan = _with_fresh_code(plan, record)
    settled, same = settle(before, plan.jobs)
    once = [f"{old} is the same job as {new} now, and runs once" for old, new in same]
    apart = mismatches(record, tuple(zip(before, plan.jobs, strict=True)))
    return replace(plan, jobs=settled, notes=(*plan.notes, *once, *dict.fromkeys(apart)))


def _on_changed_executors(plan: Plan, chosen: Chosen) -> Plan:
    repackaged = [
        name
        for name in plan.packages
        if packager_of(chosen.tables[name]) != packager_of(plan.executors[name])
    ]
    jobs = tuple(
        with_limits(job, plan.executors[job.executor], chosen.tables[job.executor])
        for job in plan.jobs
    )
    return replace(
        plan,
        jobs=jobs,
        executors=chosen.tables,
        secrets={name: values for name, values in chosen.secrets.items() if values},
        packages={name: code for name, code in plan.packages.items() if name not in repackaged},
        changes=(*plan.changes, *chosen.sentences),
        notes=(*plan.notes, *map(_packaged_anew, repackaged)),
    )


def _packaged_anew(name: str) -> str:
    return f"{name} has another packager than then: the project's code is packaged as it is now"


def _on_another_executor(plan: Plan, name: str, chosen: Chosen, options: Sequence[str]) -> Plan:
    table = chosen.tables[name]
    tables = plan.executors
    can_keep = all(packager_of(one) == packager_of(table) for one in tables.values())
    codes = {code.digest: code for code in plan.packages.values()}
    is_kept = can_keep and len(codes) == 1 and len(plan.packages) == len(tables)
    jobs = tuple(
        replace(with_limits(job, tables[job.executor], table, name), id=on_executor(job.id, name))
        for job in plan.jobs
    )
    sentence = f"the jobs run on {name} as it is configured now, instead of {_others(tables, name)}"
    return replace(
        plan,
        jobs=jobs,
        executors=chosen.tables,
        secrets={name: values for name, values in chosen.secrets.items() if values},
        packages=dict.fromkeys([name], *codes.values()) if is_kept else {},
        changes=(*plan.changes, sentence, *(f"with -o {one}" for one in _masked(options))),
        notes=plan.notes if is_kept or not plan.packages else (*plan.notes, _packaged_anew(name)),
    )


def _others(tables: Mapping[str, object], name: str) -> str:
    return "as it was" if list(tables) == [name] else ", ".join(tables)


def _masked(options: Sequence[str]) -> tuple[str, ...]:
    from nemorun_discover.secrets import masked_argv  # noqa: PLC0415 - only with -o

    return masked_argv(options)


def _with_fresh_code(plan: Plan, record: Record) -> Plan:
    if not plan.packages:
        return plan
    sentence = f"the code is the project's as it is now, not that of {record.id}"
    return replace(plan, packages={}, changes=(*plan.changes, sentence))
