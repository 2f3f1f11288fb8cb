"""The job itself: import the task and call it, or become the script."""

from __future__ import annotations

import os
import sys
import types
from pathlib import Path

from nemorun_discover.secrets import VARIABLE
from nemorun_discover.shortage import patiently
from nemorun_discover.worker.become import become, say
from nemorun_discover.worker.claim import create_once
from nemorun_discover.worker.failure import describe_failure, exit_code_of
from nemorun_discover.worker.import_order import put_first
from nemorun_discover.worker.load import load_task
from nemorun_discover.worker.result import keep_result

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from nemorun_discover.model.layout import AttemptLayout, JobLayout

_OURS = ("nemorun", "nemorun_discover")


def run_task(
    job: dict[str, Any], paths: JobLayout, attempt: AttemptLayout, *, rank: int | None = None
) -> int:
    """Run the job in this process.

    Args:
        job: The content of job.json.
        paths: The job's folder; the result goes there.
        attempt: The attempt's folder; the traceback of a failure goes there, of the first one in a job of
            several processes.
        rank: Which of the job's processes this is; None where it has one. The result is that of rank 0.

    Returns:
        The exit code. A script does not return: the process becomes it.
    """
    for name in [one for one in os.environ if one.startswith(VARIABLE)]:
        del os.environ[name]  # what they are for is in the job already
    if not rank:
        paths.result.unlink(missing_ok=True)  # an earlier attempt's
    if job["argv"]:
        if "NEMORUN_PREEMPT_SIGNAL" in os.environ:
            from nemorun_discover.worker.preempt import as_it_was  # noqa: PLC0415 - few jobs have one

            as_it_was()
        return become(filled(job["argv"]))
    if rank is not None:
        _write_whole_lines()
    args = filled(job["args"])
    convert = _conversion(job)
    _prepare_interpreter(job, args)
    root = Path(job["root"])
    try:
        function = load_task(job, root)
        result = function(**convert(function))
        if not rank:
            keep_result(result, paths.result, say)
    except SystemExit as stop:
        return exit_code_of(stop, say)
    except BaseException as error:  # noqa: BLE001 - whatever the task raises is its failure, kept and shown
        failure = describe_failure(error, root, rank)
        say(failure["traceback"].rstrip("\n"))
        patiently(lambda: create_once(attempt.error, failure))
        return 1
    return 0


def _conversion(job: dict[str, Any]) -> Callable[[Callable[..., Any]], dict[str, Any]]:
    params, exact = job["params"], job.get("exact", {})
    if not params and not exact:
        return lambda _: {}
    from nemorun_discover.worker.arguments import bind  # noqa: PLC0415 - typing is not for nothing

    return lambda function: bind(function, params, exact)


def filled(words: Sequence[str]) -> list[str]:
    """The words, with placeholders of executors/macros.py replaced here and in the environment."""
    if not any("${" in one for one in (*os.environ.values(), *words)):
        return list(words)
    from nemorun_discover.worker.macros import (  # noqa: PLC0415 - few jobs have one
        fill_macros,
        filled_variables,
    )

    os.environ.update(filled_variables(os.environ))
    return [fill_macros(one, os.environ) for one in words]


def _write_whole_lines() -> None:
    """All processes of the job write to one log: PYTHONUNBUFFERED would mix their words."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True, write_through=False)  # type: ignore[union-attr]  # a text file


def _prepare_interpreter(job: dict[str, Any], args: Sequence[str]) -> None:
    for directory in reversed(job["sys_path"]):
        sys.path.insert(0, directory)
    sys.argv = [job["file"], *args]
    # multiprocessing's spawn starts its children from __main__; they must not find this program there.
    sys.modules["__main__"] = types.ModuleType("__main__")
    # The task's `import nemorun` takes the one that is installed, if there is one: it can do more.
    for name in [one for one in sys.modules if one.partition(".")[0] in _OURS]:
        del sys.modules[name]
    put_first(job["sys_path"], job.get("relocated", {}))
