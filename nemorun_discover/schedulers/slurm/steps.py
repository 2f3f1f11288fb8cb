"""The `srun` line of a job, as words of a shell line. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nemorun_discover.executors.macros import ExecutorMacros
from nemorun_discover.schedulers.slurm.quoting import shell_word
from nemorun_discover.schedulers.slurm.shape import DEFAULT_PYTHON, settings_of, shape_of

if TYPE_CHECKING:
    from nemorun_discover.executors.slurm import SlurmExecutor
    from nemorun_discover.schedulers.protocol import Submission
    from nemorun_discover.schedulers.slurm.paths import ClusterPaths

# What NeMo-Run's users write in mounts for the job's folder.
_JOB_DIR_WORDS = (ExecutorMacros.JOB_DIR_VAR, "/$nemo_run")
_JOB_DIR = '"$NEMORUN_JOB_DIR"'
MEASURE_S = 5


def srun_words(
    submission: Submission,
    paths: ClusterPaths,
    *,
    component: int | None = None,
    shares: bool = False,
) -> list[str]:
    """`srun` and its options, each quoted, and last the worker with its arguments.

    Args:
        submission: The attempt.
        paths: Where it lies.
        component: Its part of a heterogeneous job.
        shares: Other steps run beside it on the same nodes.
    """
    executor = settings_of(submission)
    python = shell_word(executor.python or DEFAULT_PYTHON)
    runtime = shell_word(paths.package(submission.runtime.name))
    options = [
        *_size(executor, shares=shares),
        *([f"--het-group={component}"] if component is not None else []),
        *(["--overlap"] if shares else []),
        *_container(submission, paths),
        *(shell_word(one) for one in executor.srun_args),
    ]
    return ["srun", *options, f'{python} {runtime} --srun {_JOB_DIR} "$NEMORUN_ATTEMPT"']


def _size(executor: SlurmExecutor, *, shares: bool) -> list[str]:
    shape = shape_of(executor)
    # Slurm 22.05 stopped handing --cpus-per-task of the job on to its steps. It also means --exact there: steps
    # that overlap would be put on the same CPUs, where without it each may use all that the job has.
    cpus, gpus = None if shares else shape.cpus_per_task, shape.gpus_per_task
    return [
        "--export=ALL",
        "--kill-on-bad-exit=1",
        "--wait=0",  # a task that is done early must not end the others
        f"--nodes={shape.nodes}",
        f"--ntasks={shape.tasks}",
        f"--ntasks-per-node={shape.tasks_per_node}",
        *([f"--cpus-per-task={cpus}"] if cpus else []),
        *([f"--gpus-per-task={gpus}"] if gpus else []),
        *(["--label"] if shape.tasks > 1 else []),
    ]


def _container(submission: Submission, paths: ClusterPaths) -> list[str]:
    """Pyxis's options; the image sees the experiment where the cluster does."""
    executor = settings_of(submission)
    if executor.container_image is None:
        return []
    code = [str(submission.root)] if submission.root.is_absolute() else []
    linked = [submission.linked] if submission.linked else code
    own = [f"{one}:{one}" for one in (paths.base, *linked)]
    mounts = [*own, *executor.container_mounts]
    script = submission.job.script.env if submission.job.script else {}
    names = dict.fromkeys(
        (
            *("PYTHONPATH", *executor.env_vars, *script),
            *(*submission.environment, *executor.secrets, *executor.container_env),
        )
    )
    return [
        f"--container-image={shell_word(executor.container_image)}",
        f"--container-mounts={_with_job_dir(','.join(mounts))}",
        '--container-workdir="$PWD"',
        f"--container-env={shell_word(','.join(names))}",
        "--no-container-mount-home",
    ]


def _with_job_dir(text: str) -> str:
    for word in _JOB_DIR_WORDS:
        text = text.replace(word, "\0")
    return _JOB_DIR.join(shell_word(part) if part else "" for part in text.split("\0"))


def measure_words(executor: SlurmExecutor, component: int | None) -> list[str]:
    """The step beside the job that writes down the GPUs' memory."""
    nodes = shape_of(executor).nodes
    return [
        "srun",
        "--overlap",
        "--mem=0",  # of the job's own, which all of it is promised to the other step
        *([f"--het-group={component}"] if component is not None else []),
        f"--nodes={nodes}",
        f"--ntasks={nodes}",
        "--ntasks-per-node=1",
        "--label",
        "nvidia-smi",
        "--query-gpu=timestamp,index,memory.used,memory.total,utilization.gpu",
        "--format=csv,noheader",
        f"--loop={MEASURE_S}",
    ]
