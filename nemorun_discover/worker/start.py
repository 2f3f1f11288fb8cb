"""Take an attempt that lies ready in its folder, and become what runs it.

For backends that are given no more than a command: what the job is to find stands in `start.json`, which is gone as
soon as somebody has taken it. So an attempt that was handed over twice runs once, and one whose file was taken back
never runs; and neither a backend's own record nor a command line shows the job's variables.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from nemorun_discover.files import read_json, write_json
from nemorun_discover.model.layout import JobLayout
from nemorun_discover.shortage import patiently

TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Any

    from nemorun_discover.model.layout import AttemptLayout

# TorchX gives a job its own handle: whoever handed the attempt over may have died before he knew it.
_HANDLE = "TORCHX_JOB_ID"


def start(folder: str, number: str) -> None:
    """Become what `start.json` says; returns when there is none.

    Args:
        folder: The job's.
        number: The attempt's.
    """
    attempt = JobLayout(Path(folder)).attempt(int(number))
    ready = _take(attempt)
    if ready is None:
        print("nemorun: this attempt was started before, or called off", file=sys.stderr)
        return
    if _HANDLE in os.environ:
        told = {**ready["app"], "handle": os.environ[_HANDLE]}
        patiently(lambda: write_json(attempt.app, told))
    log = patiently(lambda: os.open(attempt.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.chdir(ready["cwd"])
    argv = ready["argv"]
    os.execvpe(argv[0], argv, environment_of(ready))  # noqa: S606 - argv is data, no shell reads it


def _take(attempt: AttemptLayout) -> Any:  # noqa: ANN401 - JSON
    """What `start.json` says; None for all who come for it but the first."""
    own = attempt.start.with_name(f".start.{os.uname().nodename}.{os.getpid()}")
    try:
        attempt.start.rename(own)
    except FileNotFoundError:
        return None
    ready = patiently(lambda: read_json(own))
    own.unlink()
    if not is_whole(ready):
        refuse_damaged(attempt)
        os._exit(1)
    return ready


def is_whole(ready: Any) -> bool:  # noqa: ANN401 - JSON
    """Whether `start.json` says what an attempt needs; the worker has no schemas but what it checks itself."""
    if not isinstance(ready, dict):
        return False
    argv, cwd = ready.get("argv"), ready.get("cwd")
    tables: list[Any] = [ready.get("env"), ready.get("unless_set")]
    return (
        isinstance(argv, list)
        and bool(argv)
        and all(isinstance(word, str) and "\0" not in word for word in argv)
        and isinstance(cwd, str)
        and all(isinstance(one, dict) for one in tables)
        and all(isinstance(value, str) for one in tables for value in one.values())
    )


def refuse_damaged(attempt: AttemptLayout) -> None:
    """Have the attempt end as one that could not start, with the name of the file."""
    sentence = f"{attempt.start} is damaged: the attempt cannot start"
    with attempt.log.open("a") as log:
        log.write(f"nemorun: {sentence}\n")
    error = {"type": "DamagedFile", "message": sentence, "traceback": ""}
    patiently(lambda: write_json(attempt.error, error))
    ended = {"exit_code": 1, "signal": None, "reason": "START_FAILED"}
    patiently(lambda: write_json(attempt.exit, {"schema": "nemorun.exit/1", **ended}))


def environment_of(ready: dict[str, Any]) -> dict[str, str]:
    """What the backend gave, under what the job is told; `python` is the interpreter that runs the tasks."""
    outer = {name: value for name, value in os.environ.items() if not _is_of_a_job(name)}
    environment: dict[str, str] = {**ready["unless_set"], **outer, **ready["env"]}
    own = os.path.dirname(ready["argv"][0])  # noqa: PTH120 - text in, text out
    path = environment.get("PATH", os.defpath)
    if own and own not in path.split(os.pathsep):
        environment["PATH"] = f"{own}{os.pathsep}{path}"
    return environment


def _is_of_a_job(name: str) -> bool:
    return name.startswith("NEMORUN_") and name != "NEMORUN_HOME"
