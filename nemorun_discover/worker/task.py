"""The job itself: import the task and call it, or become the script."""

from __future__ import annotations

import os
import sys
import types
from pathlib import Path

from nemorun_discover.shortage import patiently
from nemorun_discover.worker.become import become, say
from nemorun_discover.worker.claim import create_once
from nemorun_discover.worker.failure import IS_FINAL, describe_failure, exit_code_of
from nemorun_discover.worker.import_order import put_first
from nemorun_discover.worker.load import load_task
from nemorun_discover.worker.result import keep_result, refuse_unstarted

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from nemorun_discover.model.layout import AttemptLayout, JobLayout

# As in secrets.py, whose regular expressions most jobs would pay for with some milliseconds.
SECRET_VARIABLE = "NEMORUN_SECRET_"  # noqa: S105 - the beginning of a name
_OURS = ("nemorun", "nemorun_discover")


def run_task(
    job: dict[str, Any],
    paths: JobLayout,
    attempt: AttemptLayout,
    *,
    rank: int | None = None,
    is_launched: bool = False,
) -> int:
    """Run the job in this process.

    Args:
        job: The content of job.json.
        paths: The job's folder; the result goes there.
        attempt: The attempt's folder; the traceback of a failure goes there, of the first one in a job of
            several processes.
        rank: Which of the job's processes this is; None where it has one. The result is that of rank 0.
        is_launched: A launcher has started this process, and may start another one in its place.

    Returns:
        The exit code. A script does not return: the process becomes it.
    """
    for name in [one for one in os.environ if one.startswith(SECRET_VARIABLE)]:
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
        result = call_task(function, convert(function))
        if not rank:
            keep_result(result, paths.result, say)
    except SystemExit as stop:
        return exit_code_of(stop, say)
    except BaseException as error:  # noqa: BLE001 - whatever the task raises is its failure, kept and shown
        _never_succeed()
        failure = describe_failure(error, root, rank)
        say(failure["traceback"].rstrip("\n"))
        # Whatever the process ends with after this: the attempt has failed.
        failure[IS_FINAL] = not is_launched
        patiently(lambda: create_once(attempt.error, failure))
        return 1
    return 0


def call_task(function: Callable[..., Any], arguments: dict[str, Any]) -> Any:  # noqa: ANN401 - what it returns
    """Call a task; one that is an `async def` is run to its end by `asyncio.run`.

    Raises:
        NotRun: It returned a coroutine, or a generator, that nobody has begun to run.
        BaseException: Whatever it raises.
    """
    result = function(**arguments)
    if isinstance(result, types.CoroutineType) and _is_async(function):
        result = _run_to_its_end(result)
    refuse_unstarted(result)
    return result


def _is_async(function: Callable[..., Any]) -> bool:
    import inspect  # noqa: PLC0415 - only for what has returned a coroutine

    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        type(function).__call__
    )


def _run_to_its_end(coroutine: Any) -> Any:  # noqa: ANN401
    import asyncio  # noqa: PLC0415 - 40 ms

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(coroutine)
    # Called in a notebook, or from an `async def`, by Experiment.run(direct=True): this thread's loop runs.
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - likewise

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result()


def _never_succeed() -> None:
    """The task has failed: what still runs of it, a `__str__` or an exit handler, cannot end the process with 0."""
    leave, own = os._exit, os.getpid()

    def leave_as_failed(status: int) -> None:
        leave(1 if status == 0 and os.getpid() == own else status)

    os._exit = leave_as_failed  # type: ignore[assignment]  # it does not return either


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
