"""The job itself: import the task and call it, or become the script."""

from __future__ import annotations

import os
import sys
import types
from pathlib import Path

from nemorun_discover.files import write_json
from nemorun_discover.worker.arguments import bind
from nemorun_discover.worker.failure import describe_failure
from nemorun_discover.worker.load import load_function
from nemorun_discover.worker.result import to_json

TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Any

    from nemorun_discover.model.layout import AttemptLayout, JobLayout

NOT_FOUND = 127  # what a shell answers for a command that is not there


def run_task(job: dict[str, Any], paths: JobLayout, attempt: AttemptLayout) -> int:
    """Run the job in this process.

    Args:
        job: The content of job.json.
        paths: The job's folder; the result goes there.
        attempt: The attempt's folder; the traceback of a failure goes there.

    Returns:
        The exit code. A script does not return: the process becomes it.
    """
    if job["argv"]:
        return _become_script(job["argv"])
    _prepare_interpreter(job)
    root = Path(job["root"])
    try:
        function = load_function(root / job["file"], job["function"], job["sys_path"])
        value = function(**bind(function, job["params"]))
        _keep_result(value, paths)
    except SystemExit as stop:
        return _exit_code_of(stop)
    except BaseException as error:  # noqa: BLE001 - whatever the task raises is its failure, kept and shown
        failure = describe_failure(error, root)
        print(failure["traceback"], file=sys.stderr, end="", flush=True)
        write_json(attempt.error, failure)
        return 1
    return 0


def _become_script(argv: list[str]) -> int:
    try:
        os.execvp(argv[0], argv)  # noqa: S606 - argv is data, no shell reads it
    except OSError as error:
        print(f"nemorun: {argv[0]}: {error.strerror}", file=sys.stderr, flush=True)
    return NOT_FOUND


def _prepare_interpreter(job: dict[str, Any]) -> None:
    for directory in reversed(job["sys_path"]):
        sys.path.insert(0, directory)
    sys.argv = [job["file"], *job["args"]]
    # multiprocessing's spawn starts its children from __main__; they must not find this program there.
    sys.modules["__main__"] = types.ModuleType("__main__")


def _keep_result(value: object, paths: JobLayout) -> None:
    if value is None:
        return
    try:
        document = to_json(value)
    except TypeError as error:
        print(f"nemorun: the result is not kept: {error}", file=sys.stderr, flush=True)
        return
    write_json(paths.result, document)


def _exit_code_of(stop: SystemExit) -> int:
    if stop.code is None:
        return 0
    if isinstance(stop.code, int):
        return stop.code & 0xFF
    print(stop.code, file=sys.stderr, flush=True)
    return 1
