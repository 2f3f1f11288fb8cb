"""From a job of the record to what a scheduler is handed, and to the files the worker reads."""

from __future__ import annotations

import os
import sys
from collections import ChainMap
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nemorun_discover.executors.codec import executor_from_dict
from nemorun_discover.executors.macros import ExecutorMacros
from nemorun_discover.lifecycle.placeholders import fill_in
from nemorun_discover.lifecycle.secrets import (
    hidden_in,
    hidden_in_job,
    hidden_in_words,
    reveal,
)
from nemorun_discover.schedulers.environment import (
    as_text,
    parameter_variable,
    require_secrets,
    sys_path_of,
)
from nemorun_discover.schedulers.protocol import Submission
from nemorun_discover.secrets import MARK, VARIABLE, has_marks, names_in, put_back

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nemorun_discover.executors.base import Executor
    from nemorun_discover.model.job import Job
    from nemorun_discover.model.layout import ExperimentLayout
    from nemorun_discover.model.record import PackagedCode, Record

JOB_SCHEMA = "nemorun.job/1"
DEFAULT_GRACE_S = 10.0
CHECKOUT_NAME_LENGTH = 16
REMOTE_PYTHON = "python3"
_HEAD = 256


def submission_of(  # noqa: D417 - the rest is said by the types
    record: Record,
    job: Job,
    *,
    attempt: int,
    layout: ExperimentLayout,
    runtime: Path,
    secrets: Mapping[str, str],
) -> Submission:
    """What a scheduler needs of an attempt.

    Args:
        secrets: Values by name; a reference in the record's executor is replaced by them. One that is not
            known is empty there, and named in `missing`.
    """
    table = record.executors[job.executor]
    wanted = dict.fromkeys([*hidden_in(table), *hidden_in_job(job), *table.get("secrets", [])])
    missing = [name for name in wanted if name not in secrets]
    values = ChainMap(dict.fromkeys(missing, ""), dict(secrets))
    variables = {
        name: one for name, one in (table.get("env_vars") or {}).items() if not has_marks(one)
    }
    executor = executor_from_dict(reveal({**table, "env_vars": variables}, values))
    code = record.packages.get(job.executor)
    paths = layout.job(job.slug)
    checkout = paths.code if code and not code.linked else None
    root = _root(record, executor, code, checkout)
    return Submission(
        experiment_id=record.id,
        job=_without_secrets(job),
        attempt=attempt,
        paths=paths,
        executor=executor,
        project=record.project,
        runtime=runtime,
        root=root,
        package=code.digest if code and checkout else None,
        checkout=checkout,
        linked=code.linked if code else "",
        sys_path=_sys_path(record, job, code),
        relocated=_relocated(record, code, root) if code else {},
        environment={
            **_environment(table, job, secrets),
            **{name: secrets[name] for name in executor.secrets if name in secrets},
        },
        policy=record.groups.get(job.group) if job.group else None,
        upstream=_folders(_upstream(job, {one.id: one.slug for one in record.jobs})),
        members=tuple(one for one in record.jobs if job.group and one.group == job.group),
        missing=tuple(missing),
    )


def _root(
    record: Record, executor: Executor, code: PackagedCode | None, checkout: Path | None
) -> Path:
    """The project's root, as `Submission.root` has it."""
    if code is not None and code.linked:
        return Path(code.linked, code.root)
    if executor.CODE and (code is not None or not executor.sees_this_machine):
        digest = code.digest[:CHECKOUT_NAME_LENGTH] if code else "none"
        return Path(executor.CODE.format(digest=digest), code.root if code else "")
    return checkout / code.root if code and checkout else Path(record.project.root)


def _sys_path(record: Record, job: Job, code: PackagedCode | None) -> tuple[str, ...]:
    """The project's root, its pythonpath, and the import roots that are in the job's code; relative to the root."""
    pythonpath = record.project.pythonpath
    if code is None:
        return ("", *pythonpath, *job.import_roots)
    roots = [one for one in job.import_roots if code.place_of(one).split("/")[0] != ".."]
    return (
        "",
        *(one if one.startswith("/") else code.path_of(one) for one in (*pythonpath, *roots)),
    )


def _relocated(record: Record, code: PackagedCode, root: Path) -> dict[str, str]:
    """Where the directory that the package was taken from lies in the job's code; see `Submission.relocated`."""
    if code.below:
        return {os.path.join(record.project.root, code.below): str(root)}  # noqa: PTH118 - text in, text out
    # Above the project the package is the repository again, as far as both paths end alike.
    live, inside = Path(record.project.root), Path(code.root)
    copy = root
    while inside.name and inside.name == live.name:
        live, inside, copy = live.parent, inside.parent, copy.parent
    return {str(live): str(copy)}


def _environment(table: Mapping[str, Any], job: Job, values: Mapping[str, str]) -> dict[str, str]:
    """Variables that hold secrets, as far as these are known.

    The executor's, the script's own over them, and what the worker puts back.
    """
    script = job.script.env if job.script else {}
    own = {name: one for name, one in (table.get("env_vars") or {}).items() if name not in script}
    found = {**own, **script}
    if job.script is not None:
        found |= {parameter_variable(name): one for name, one in job.params.items()}
    found |= {f"{VARIABLE}{name}": {MARK: name} for name in hidden_in_words(job)}
    return {
        name: as_text(put_back(one, values))
        for name, one in found.items()
        if has_marks(one) and all(secret in values for secret in names_in(one))
    }


def _without_secrets(job: Job) -> Job:
    """The job without the variables of its script that are handed over apart from it."""
    if job.script is None or not any(map(has_marks, job.script.env.values())):
        return job
    env = {name: one for name, one in job.script.env.items() if not has_marks(one)}
    return replace(job, script=replace(job.script, env=env))


def _folders(upstream: Mapping[str, list[str]]) -> tuple[str, ...]:
    return tuple(folder for folders in upstream.values() for folder in folders)


def job_document(
    record: Record, submission: Submission, results_only: Sequence[str] = ()
) -> dict[str, Any]:
    """job.json: what the worker is told.

    Args:
        record: The experiment.
        submission: An attempt of the job.
        results_only: The folders, among those in `submission.upstream`, of which it gets no outputs.

    Raises:
        ConfigError: The job could not be started: a secret's value is not known.
    """
    require_secrets(submission)
    job = submission.job
    slugs = {one.id: one.slug for one in record.jobs}
    code = record.packages.get(job.executor)
    root = submission.root
    return {
        "schema": JOB_SCHEMA,
        "experiment": record.id,
        "id": job.id,
        "task": job.task,
        "executor": job.executor,
        "params": job.params,
        "exact": job.exact,
        "file": code.path_of(job.file) if code and job.file else job.file,
        "function": job.function,
        "module": job.module,
        "is_main": job.is_main,
        "argv": _argv(job, submission, code),
        "args": list(job.args),
        "root": str(root),
        "sys_path": sys_path_of(submission),
        "relocated": dict(submission.relocated),
        "timeout_s": job.timeout_s,
        "grace_s": getattr(submission.executor, "grace_s", DEFAULT_GRACE_S),
        "upstream": _upstream(job, slugs),
        **({"results_only": list(results_only)} if results_only else {}),
    }


def _argv(job: Job, submission: Submission, code: PackagedCode | None) -> list[str]:
    path = job.script.path if job.script else None
    python = getattr(submission.executor, "python", None)
    if submission.executor.CODE:
        # Its working directory is the project's root, and what is outside of it is named by its own folder.
        inside = code.path_of(path) if code and path else path
        return script_argv(
            job,
            Path(submission.project.root),
            runs_at=os.path.join(".", inside) if inside else None,  # noqa: PTH118 - a Path loses the dot
            inline=f"{ExecutorMacros.JOB_DIR_VAR}/{submission.paths.script.name}",
            python=python or REMOTE_PYTHON,
        )
    return script_argv(
        job,
        Path(submission.project.root),
        runs_at=str(submission.root / code.path_of(path)) if code and path else None,
        inline=str(submission.paths.script),
        python=python,
    )


def _upstream(job: Job, slugs: Mapping[str, str]) -> dict[str, list[str]]:
    """By task, the folders of the upstream jobs, relative to the folder that holds this job's."""
    upstream = {task: [slugs[one] for one in ids] for task, ids in job.after.items()}
    for task, places in job.earlier.items():
        folders = [f"../../{experiment}/jobs/{slug}" for experiment, _, slug in map(_split, places)]
        upstream[task] = [*upstream.get(task, []), *folders]
    return upstream


def _split(place: str) -> tuple[str, str, str]:
    return place.partition("/")


def script_argv(
    job: Job,
    root: Path,
    *,
    runs_at: str | None = None,
    inline: str | None = None,
    python: str | None = None,
) -> list[str]:
    """What a script task runs; empty for a function.

    A script file that is executable is run as it is; otherwise `.py` by Python and the rest by bash. An
    entrypoint of the script's own comes before all that; in it, `python` is the executor's interpreter.

    Args:
        job: The job.
        root: The project, where the script is looked at now.
        runs_at: Where the script will be when it runs; None for where it is.
        inline: Where the text of an inline script is written.
        python: The executor's interpreter; None for the one nemorun runs under.
    """
    script = job.script
    if script is None:
        return []
    own = python or sys.executable
    entrypoint = [own if word == "python" else word for word in script.entrypoint]
    if script.inline is not None:
        return [*(entrypoint or ["bash"]), inline or "", *job.args]
    if script.path is None:
        return [*(fill_in(word, job.params) for word in script.command), *job.args]
    if script.is_module:
        return [*(entrypoint or [own]), "-m", script.path, *job.args]
    path = root / script.path
    if not entrypoint and not (os.access(path, os.X_OK) and _is_program(path)):
        entrypoint = [own if path.suffix == ".py" else "bash"]
    return [*entrypoint, runs_at or str(path), *job.args]


def _is_program(path: Path) -> bool:
    """True for what the kernel can run: `#!`, or a binary. Only a shell runs a text without `#!`."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return False
    return head.startswith(b"#!") or b"\0" in head
