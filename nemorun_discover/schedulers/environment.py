"""The variables every job finds, on every executor. Pure."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nemorun_discover.errors import ConfigError
from nemorun_discover.executors.codec import launcher_of
from nemorun_discover.launchers.table import launch_environment
from nemorun_discover.secrets import has_marks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nemorun_discover.launchers.place import Place
    from nemorun_discover.schedulers.protocol import Submission


# `packager.debug`: what makes an error on a GPU appear where it was made, and torch say all it knows.
_PARAMETER = "NEMORUN_PARAM_"
DEBUG_SWITCHES = {
    "CUDA_LAUNCH_BLOCKING": "1",
    "NCCL_DESYNC_DEBUG": "1",
    "TORCH_DISTRIBUTED_DEBUG": "DETAIL",
    "TORCH_SHOW_CPP_STACKTRACES": "1",
}


def sys_path_of(submission: Submission) -> list[str]:
    """What stands first on the job's `sys.path`: the project's root, its pythonpath, and what its packages lie in."""
    folders = submission.sys_path or ("", *submission.project.pythonpath)
    entries = (os.path.join(submission.root, one) for one in folders)  # noqa: PTH118 - text in, text out
    return list(dict.fromkeys(map(os.path.normpath, entries)))


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """Where a job finds its folder and the runtime, as it sees them itself; absolute."""

    job_dir: str
    runtime: str


def seen_here(submission: Submission) -> Seen:
    """What a job of this machine sees."""
    return Seen(job_dir=str(submission.paths.root), runtime=str(submission.runtime))


def job_environment(
    submission: Submission, caller: Mapping[str, str], seen: Seen | None = None
) -> dict[str, str]:
    """The whole environment of a job.

    Later ones win: trackers' groups, the caller's variables, the packager's debug switches, the executor's
    `env_vars`, the script's own `env`, the submission's, and last what nemorun tells the job about itself.

    Args:
        submission: The attempt.
        caller: Variables that the job inherits; none where it does not run on this machine.
        seen: Where it finds its files; None for a job of this machine.
    """
    job = submission.job
    seen = seen or seen_here(submission)
    inherited = {name: value for name, value in caller.items() if not _is_of_a_job(name)}
    script = job.script.env if job.script else {}
    return {
        "PYTHONUNBUFFERED": "1",
        "WANDB_RUN_GROUP": submission.experiment_id,
        "MLFLOW_EXPERIMENT_NAME": submission.experiment_id,
        **inherited,
        **(DEBUG_SWITCHES if submission.executor.packager.debug else {}),
        **submission.executor.env_vars,
        **script,
        **submission.environment,
        "PYTHONPATH": _python_path(submission, inherited, seen),
        **_about_the_job(submission, seen),
    }


def launcher_environment(submission: Submission, place: Place) -> dict[str, str]:
    """The variables that the job's launcher adds; those that the user's `env_vars` name stay the user's."""
    told = launch_environment(launcher_of(submission.executor), place)
    own = (submission.executor.env_vars, submission.environment)
    return {name: one for name, one in told.items() if not any(name in one for one in own)}


def require_secrets(submission: Submission) -> None:
    """Raise ConfigError when the value of a secret that the job needs is not known."""
    if submission.missing:
        name = submission.missing[0]
        parameter = next(
            (one for one in submission.job.params if name == f"{_PARAMETER}{one.upper()}"), None
        )
        if parameter is not None:
            raise ConfigError(
                f"{submission.job.id}: the value of its parameter {parameter} is a secret, and is not written down",
                hint=f"give it again: `nemorun rerun {parameter}=…`, or export {name}=…",
            )
        raise ConfigError(
            f"{submission.job.executor}: the value of {name} is not written down anywhere, "
            "and it is not set in this shell",
            hint=f"export {name}=…, then `nemorun rerun`",
        )


def _is_of_a_job(name: str) -> bool:
    """True for what an outer job, in which nemorun itself may run, was told about itself."""
    return name.startswith("NEMORUN_") and name != "NEMORUN_HOME"


def _python_path(submission: Submission, inherited: Mapping[str, str], seen: Seen) -> str:
    own = submission.executor.env_vars.get("PYTHONPATH") or inherited.get("PYTHONPATH", "")
    code = [_absolute(one, seen) for one in sys_path_of(submission)]
    entries = [*code, *(one for one in own.split(os.pathsep) if one)]
    return os.pathsep.join([*entries, seen.runtime])


def _absolute(path: str, seen: Seen) -> str:
    return os.path.normpath(os.path.join(seen.job_dir, path))  # noqa: PTH118 - text in, text out


def _about_the_job(submission: Submission, seen: Seen) -> dict[str, str]:
    job = submission.job
    told = {
        "NEMORUN_EXPERIMENT_ID": submission.experiment_id,
        "NEMORUN_JOB_ID": job.id,
        "NEMORUN_TASK": job.task,
        "NEMORUN_EXECUTOR": job.executor,
        "NEMORUN_ATTEMPT": str(submission.attempt),
        "NEMORUN_JOB_DIR": seen.job_dir,
        "NEMORUN_OUTPUT_DIR": os.path.join(seen.job_dir, submission.paths.outputs.name),  # noqa: PTH118 - text
        "NEMORUN_NNODES": "1",
        "NEMORUN_NODE_RANK": "0",
    }
    if job.group is not None:
        told["NEMORUN_GROUP"] = job.group
    if job.script is not None:
        told |= {
            parameter_variable(name): as_text(value)
            for name, value in job.params.items()
            if not has_marks(value)
        }
    return told


def parameter_variable(name: str) -> str:
    """The variable in which a script task finds a parameter."""
    return f"{_PARAMETER}{name.upper()}"


def as_text(value: object) -> str:
    """A parameter as a script sees it: text as it is, everything else as JSON."""
    import json  # noqa: PLC0415 - only script tasks need it

    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
