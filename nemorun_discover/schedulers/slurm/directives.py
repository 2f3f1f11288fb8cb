"""The `#SBATCH` options of a unit, from the executors' settings. Pure."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from nemorun_discover.errors import ConfigError
from nemorun_discover.schedulers.slurm.quoting import directive_value, output_pattern
from nemorun_discover.schedulers.slurm.shape import settings_of, shape_of
from nemorun_discover.schedulers.slurm.units import Form, components_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nemorun_discover.executors.slurm import SlurmExecutor
    from nemorun_discover.schedulers.protocol import Submission
    from nemorun_discover.schedulers.slurm.paths import ClusterPaths
    from nemorun_discover.schedulers.slurm.units import Unit

# An option and its value: None leaves it out, True gives it without a value, a list repeats it.
Value = str | int | float | bool | list[str | int | float] | None
HET = "#SBATCH hetjob"
# What nemorun finds a job again by, and its log and its evidence.
_OURS = {
    "array": "leave it to the sweep, with max_parallel and array = false",
    "chdir": "the working directory is the project's root",
    "comment": "use the field comment",
    "dependency": "use after=[...] of the task",
    "error": "use stderr_to_stdout = false",
    "hetjob": "use heterogeneous = true",
    "job-name": "use job_details.job_name or job_name_prefix",
    "output": "use job_details.folder",
    "parsable": "nemorun reads what sbatch answers",
    "test-only": "use nemorun run --dry-run",
    "wait": "use nemorun wait",
    "wrap": "write a script task",
}


def directive_lines(
    unit: Unit, paths: ClusterPaths, *, key: str, dependency: str | None = None
) -> list[str]:
    """The lines, each component of a heterogeneous job with all of its own.

    Args:
        unit: What is submitted.
        paths: Where it lies.
        key: The submit key, which the comment carries.
        dependency: Value of `--dependency`; None for none, or where the caller gives it to sbatch itself.

    Raises:
        ConfigError: A setting that such a line cannot hold, or that is nemorun's own.
    """
    lines: list[str] = []
    for number, members in enumerate(components_of(unit)):
        lead = settings_of(members[0])
        options = _named(unit, lead, key)
        options |= _resources([settings_of(one) for one in members])
        options |= {"time": _time(lead, members)}
        if number == 0:
            options |= _of_the_whole(unit, lead, paths, dependency)
        options |= _additional(unit.first.job.executor, lead.additional_parameters)
        lines += [HET] if number else []
        lines += [line for name, value in options.items() for line in _lines(name, value)]
    return lines


def job_name(unit: Unit) -> str:
    """What `squeue` shows: the job first, since that column is narrow."""
    executor = settings_of(unit.first)
    if executor.job_details.job_name is not None:
        return executor.job_details.job_name
    job = unit.first.job
    own = {Form.JOB: job.slug.rpartition("@")[0] or job.slug, Form.ARRAY: job.task}.get(unit.form)
    prefix = executor.job_name_prefix
    if prefix is None:
        prefix = f"{executor.account}." if executor.account else ""
    return f"{prefix}{own or job.group}.{unit.first.experiment_id.rpartition('-')[2]}"


def _named(unit: Unit, executor: SlurmExecutor, key: str) -> dict[str, Value]:
    mark = f"nemorun={key}"
    return {
        "job-name": job_name(unit),
        "account": executor.account,
        "partition": executor.partition,
        "qos": executor.qos,
        "comment": f"{executor.comment} {mark}" if executor.comment else mark,
    }


def _resources(executors: Sequence[SlurmExecutor]) -> dict[str, Value]:
    """Members of one allocation share it: it is as large as the largest of them, and else as the first says."""
    executor, shapes = executors[0], [shape_of(one) for one in executors]
    return {
        "nodes": max(one.nodes for one in shapes),
        "ntasks-per-node": max(one.tasks_per_node for one in shapes),
        "cpus-per-task": max(one.cpus_per_task or 0 for one in shapes) or None,
        "cpus-per-gpu": executor.cpus_per_gpu,
        "gpus-per-node": max(one.gpus_per_node or 0 for one in executors) or None,
        "gpus-per-task": max(one.gpus_per_task or 0 for one in shapes) or None,
        "gres": executor.gres,
        "mem": executor.mem,
        "mem-per-cpu": executor.mem_per_cpu,
        "mem-per-gpu": executor.mem_per_gpu,
        "constraint": executor.constraint,
        "exclude": executor.exclude,
        "exclusive": executor.exclusive or None,
        "segment": executor.segment,
        "network": executor.network,
        "signal": executor.signal,
    }


def _time(executor: SlurmExecutor, members: Sequence[Submission]) -> str | int | None:
    """Minutes, where only the job itself has a limit; the batch script keeps to its seconds."""
    if executor.time is not None:
        return executor.time
    limits = [one.job.timeout_s for one in members]
    known = [one for one in limits if one is not None]
    return ceil(max(known) / 60) if known and len(known) == len(limits) else None


def _of_the_whole(
    unit: Unit, executor: SlurmExecutor, paths: ClusterPaths, dependency: str | None
) -> dict[str, Value]:
    log = _log(unit, paths)
    splits = not executor.stderr_to_stdout and unit.form in (Form.JOB, Form.ARRAY)
    return {
        "array": _array(unit, executor),
        "output": log,
        "error": f"{log}.err" if splits else None,
        "open-mode": executor.open_mode,
        "requeue": True if executor.requeue else None,
        "no-requeue": True if executor.requeue is False else None,
        # The jobs of an array have a directory each, which no pattern of sbatch names: the script goes there.
        "chdir": paths.experiment,
        "dependency": dependency,
        "kill-on-invalid-dep": "yes" if dependency or _waits(unit) else None,
    }


def _waits(unit: Unit) -> bool:
    return any(one.waits_for for one in unit.submissions)


def _array(unit: Unit, executor: SlurmExecutor) -> str | None:
    if unit.form is not Form.ARRAY:
        return None
    limit = f"%{executor.max_parallel}" if executor.max_parallel else ""
    return f"0-{len(unit.submissions) - 1}{limit}"


def _log(unit: Unit, paths: ClusterPaths) -> str:
    if unit.form is Form.JOB:
        return output_pattern(paths.log(unit.first.job.slug, unit.first.attempt))
    if unit.form is Form.ARRAY:
        return f"{output_pattern(paths.slot(unit.name, ''))}%a/log"
    return output_pattern(paths.unit_log(unit.name))


def _additional(name: str, parameters: Mapping[str, Value]) -> dict[str, Value]:
    found = {key.lstrip("-").replace("_", "-"): value for key, value in parameters.items()}
    for option in found:
        if option in _OURS:
            raise ConfigError(
                f"{name}: additional_parameters has {option!r}, which is nemorun's own",
                hint=_OURS[option],
            )
        if not option.replace("-", "").isalnum():
            raise ConfigError(f"{name}: additional_parameters has {option!r}, which is no option")
    return found


def _lines(option: str, value: Value) -> list[str]:
    if isinstance(value, list):
        return [line for one in value for line in _lines(option, one)]
    if value is None or value is False:
        return []
    if value is True:
        return [f"#SBATCH --{option}"]
    return [f"#SBATCH --{option}={directive_value(value, option)}"]
