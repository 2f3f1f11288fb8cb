"""The variables of a job as shell code: env.sh, and the file of secrets. Pure."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from nemorun_discover.errors import ConfigError
from nemorun_discover.launchers.ports import port_of
from nemorun_discover.schedulers.environment import Seen, job_environment, launcher_environment
from nemorun_discover.schedulers.slurm.quoting import shell_word
from nemorun_discover.schedulers.slurm.shape import place_of, settings_of, shape_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nemorun_discover.schedulers.protocol import Submission
    from nemorun_discover.schedulers.slurm.paths import ClusterPaths

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# `signal` of the executor: `[{R|B}:]<number or name>[@seconds]`.
_SIGNAL = re.compile(r"(?:[RB]+:)?(?:SIG)?([A-Z0-9]+)(?:@\d+)?", re.IGNORECASE)


def env_text(submission: Submission, paths: ClusterPaths) -> str:
    """env.sh: what the job finds beside what its node and setup_lines give it. Without secrets.

    Raises:
        ConfigError: A name that no shell takes.
    """
    values = _environment(submission, paths)
    python_path = values.pop("PYTHONPATH")
    lines = [export_line(name, value) for name, value in values.items()]
    # What the node or a module gave comes between the project and the runtime, as on the user's machine.
    inherited = (
        "" if "PYTHONPATH" in submission.executor.env_vars else "${PYTHONPATH:+:$PYTHONPATH}"
    )
    own, _, runtime = python_path.rpartition(":")
    lines.append(f'export PYTHONPATH={shell_word(own)}"{inherited}:"{shell_word(runtime)}')
    return "\n".join(lines) + "\n"


def secrets_text(values: Mapping[str, str]) -> str:
    """The file of a job's secrets, which only its owner may read."""
    return "".join(f"{export_line(name, value)}\n" for name, value in values.items())


def export_line(name: str, value: str) -> str:
    """`export NAME=value`, whatever the value holds.

    Raises:
        ConfigError: A name that no shell takes, or a value that no variable holds.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"{name!r} is no name of an environment variable",
            hint="letters, digits and underscores, and no digit first",
        )
    if "\0" in value:
        raise ConfigError(f"the value of {name} has a NUL, which no environment variable holds")
    return f"export {name}={shell_word(value)}"


def _environment(submission: Submission, paths: ClusterPaths) -> dict[str, str]:
    executor = settings_of(submission)
    seen = Seen(
        job_dir=paths.job(submission.job.slug), runtime=paths.package(submission.runtime.name)
    )
    place = place_of(submission)
    told = job_environment(replace(submission, environment={}), {}, seen)
    told["NEMORUN_NNODES"] = str(place.nnodes)
    told |= launcher_environment(submission, place)
    if shape_of(executor).is_many or place.nnodes > 1:
        told.setdefault("MASTER_PORT", str(port_of(place.key)))
    signal = preempt_signal(executor.signal)
    return told | ({"NEMORUN_PREEMPT_SIGNAL": signal} if signal else {})


def preempt_signal(signal: str | None) -> str | None:
    """The name that Python knows the signal by (`SIGUSR1`), of what sbatch's `--signal` takes."""
    found = _SIGNAL.fullmatch(signal or "")
    if found is None:
        return None
    word = found.group(1).upper()
    if not word.isdigit():
        return f"SIG{word}"
    import signal as numbers  # noqa: PLC0415 - few write a number

    return numbers.Signals(int(word)).name if int(word) in set(numbers.Signals) else None
