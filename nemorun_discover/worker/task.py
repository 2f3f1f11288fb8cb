"""The job itself: import the task and call it, or become the script."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import types
from pathlib import Path

from nemorun_discover.files import write_json
from nemorun_discover.worker.failure import describe_failure
from nemorun_discover.worker.load import load_task
from nemorun_discover.worker.result import to_json

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from nemorun_discover.model.layout import AttemptLayout, JobLayout

NOT_FOUND = 127  # what a shell answers for a command that is not there
_OURS = ("nemorun", "nemorun_discover")


def run_task(job: dict[str, Any], paths: JobLayout, attempt: AttemptLayout) -> int:
    """Run the job in this process.

    Args:
        job: The content of job.json.
        paths: The job's folder; the result goes there.
        attempt: The attempt's folder; the traceback of a failure goes there.

    Returns:
        The exit code. A script does not return: the process becomes it.
    """
    paths.result.unlink(missing_ok=True)  # an earlier attempt's
    if job["argv"]:
        return _become_script(job["argv"])
    convert = _conversion(job)
    _prepare_interpreter(job)
    root = Path(job["root"])
    try:
        function = load_task(job, root)
        _keep_result(function(**convert(function)), paths)
    except SystemExit as stop:
        return _exit_code_of(stop)
    except BaseException as error:  # noqa: BLE001 - whatever the task raises is its failure, kept and shown
        failure = describe_failure(error, root)
        _say(failure["traceback"].rstrip("\n"))
        write_json(attempt.error, failure)
        return 1
    return 0


def _conversion(job: dict[str, Any]) -> Callable[[Callable[..., Any]], dict[str, Any]]:
    params, exact = job["params"], job.get("exact", {})
    if not params and not exact:
        return lambda _: {}
    from nemorun_discover.worker.arguments import bind  # noqa: PLC0415 - typing is not for nothing

    return lambda function: bind(function, params, exact)


def _become_script(argv: list[str]) -> int:
    # Python ignores these signals; a program that it starts expects them as they were.
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execvp(argv[0], argv)  # noqa: S606 - argv is data, no shell reads it
    except OSError as error:
        _say(f"nemorun: {argv[0]}: {error.strerror}")
    return NOT_FOUND


def _prepare_interpreter(job: dict[str, Any]) -> None:
    for directory in reversed(job["sys_path"]):
        sys.path.insert(0, directory)
    sys.argv = [job["file"], *job["args"]]
    # multiprocessing's spawn starts its children from __main__; they must not find this program there.
    sys.modules["__main__"] = types.ModuleType("__main__")
    # The task's `import nemorun` takes the one that is installed, if there is one: it can do more.
    for name in [one for one in sys.modules if one.partition(".")[0] in _OURS]:
        del sys.modules[name]


def _keep_result(value: object, paths: JobLayout) -> None:
    if value is None:
        return
    try:
        document = to_json(value)
    except TypeError as error:
        _say(f"nemorun: the result is not kept: {error}")
        return
    write_json(paths.result, document)


def _exit_code_of(stop: SystemExit) -> int:
    if stop.code is None:
        return 0
    if isinstance(stop.code, int):
        return stop.code & 0xFF
    _say(str(stop.code))
    return 1


def _say(text: str) -> None:
    with contextlib.suppress(
        OSError, ValueError
    ):  # the task may have closed it, the disk may be full
        print(text, file=sys.__stderr__, flush=True)
