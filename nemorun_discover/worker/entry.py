"""Where the runtime begins inside a job, and the command lines it is started by.

    python <runtime>.zip <folder> <attempt>                         supervise the job
    python <runtime>.zip <folder> <attempt> --ranks 4 [--gpus 1]    its four processes, with one GPU for each
    python <runtime>.zip <folder> <attempt> [...] -- torchrun ...   that command instead of the job itself
    python <runtime>.zip --rank <folder> <attempt>                  be a process that such a command started
    python <runtime>.zip --srun <folder> <attempt>                  be a task of Slurm's srun
    python <runtime>.zip --start <folder> <attempt>                 become what the attempt's start.json says
    python <runtime>.zip --box <folder> <attempt> <token>           the same, and send the last files with the log
    python <runtime>.zip --container USER <folder> <attempt> [...]  supervise the job, as a container's process

What the job is stands in its job.json; what is on the command line is how it is started.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from nemorun_discover.files import read_json
from nemorun_discover.model.layout import JobLayout
from nemorun_discover.shortage import patiently
from nemorun_discover.worker.supervise import Supervisor
from nemorun_discover.worker.task import SECRET_VARIABLE, run_task

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from nemorun_discover.model.layout import AttemptLayout

RANK = "--rank"
SRUN = "--srun"
START = "--start"
CONTAINER = "--container"
BOX = "--box"
_MUST_HAVE = {"timeout_s", "grace_s"}


def main() -> None:
    """Run one attempt of the job whose folder is given on the command line, or one process of it."""
    words = sys.argv[1:]
    if words[0] == START:
        from nemorun_discover.worker.start import start  # noqa: PLC0415 - few backends need it

        start(*words[1:])
        return
    if words[0] == BOX:
        from nemorun_discover.worker.box import run_in_box  # noqa: PLC0415 - likewise

        run_in_box(*words[1:])
    how = words[0] if words[0] in (RANK, SRUN, CONTAINER) else None
    user = words.pop(1) if how == CONTAINER else ""
    folder, number, *options = words[1:] if how else words
    paths = JobLayout(Path(folder))
    attempt = paths.attempt(int(number))
    job = patiently(lambda: read_json(paths.job))
    if not isinstance(job, dict) or not set(job) >= _MUST_HAVE:
        raise SystemExit(f"nemorun: {paths.job}: there is none, or it is damaged")
    _find_from_folder(job, folder)
    hooks = _hooks(paths, attempt, user) if how == CONTAINER else {}
    job = _with_secrets(job)
    if how == SRUN:
        from nemorun_discover.worker.srun import run_srun_task  # noqa: PLC0415 - local jobs do not pay

        raise SystemExit(run_srun_task(job, paths, attempt))
    if how == RANK:
        rank = int(os.environ.get("RANK", "0"))
        raise SystemExit(run_task(job, paths, attempt, rank=rank, is_launched=True))
    supervisor = Supervisor(attempt, timeout_s=job["timeout_s"], grace_s=job["grace_s"], **hooks)
    if supervisor.claim():
        _supervise(
            supervisor, lambda rank=None: run_task(job, paths, attempt, rank=rank), attempt, options
        )
    # All is on the disk; taking the interpreter apart first would cost every job 10 ms.
    os._exit(0)


def _hooks(paths: JobLayout, attempt: AttemptLayout, user: str) -> dict[str, Callable[[], None]]:
    from nemorun_discover.worker.container import enter  # noqa: PLC0415 - no other job pays for it

    return enter(paths, attempt, user)


def _with_secrets(job: dict[str, Any]) -> dict[str, Any]:
    """The job with its secrets put back, which stand among the variables of this process until the task begins."""
    if not any(name.startswith(SECRET_VARIABLE) for name in os.environ):
        return job
    from nemorun_discover.secrets import VARIABLE, put_back  # noqa: PLC0415 - few jobs have one

    values = {
        name[len(VARIABLE) :]: os.environ[name] for name in os.environ if name.startswith(VARIABLE)
    }
    named = ("params", "exact", "argv", "args")
    return {**job, **{key: put_back(job[key], values) for key in named if key in job}}


def _find_from_folder(job: dict[str, Any], folder: str) -> None:
    """Make the job's paths absolute: where it sees other ones than its launcher did, they begin at its folder."""
    if "root" in job:
        job["root"] = _absolute(folder, job["root"])
        job["sys_path"] = [_absolute(folder, one) for one in job["sys_path"]]
        # An experiment of an earlier nemorun has none.
        copies = job.get("relocated", {})
        job["relocated"] = {live: _absolute(folder, one) for live, one in copies.items()}


def _absolute(folder: str, path: str) -> str:
    return os.path.normpath(os.path.join(folder, path))  # noqa: PTH118 - text in, text out


def _supervise(
    supervisor: Supervisor,
    run: Callable[..., int],
    attempt: AttemptLayout,
    options: Sequence[str],
) -> None:
    if not options:
        supervisor.run([run])
        return
    # Most jobs are one plain process, and do not pay for this.
    from nemorun_discover.worker.ranks import processes_of  # noqa: PLC0415

    supervisor.run(processes_of(options, run, str(attempt.root)), is_many=True)
