"""However a task ends, its end is told: exits, signals, threads, closed streams, forks."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

PATIENCE_S = 30.0


@pytest.mark.parametrize(
    ("end", "code", "log"),
    [
        ("import sys; sys.exit()", 0, ""),
        ("import sys; sys.exit(0)", 0, ""),
        ("import sys; sys.exit(7)", 7, ""),
        ("import sys; sys.exit(-1)", 255, ""),
        ("import sys; sys.exit(True)", 1, ""),
        ("import sys; sys.exit('no data')", 1, "no data\n"),
        ("import sys; sys.exit(['no', 'data'])", 1, "['no', 'data']\n"),
        ("raise SystemExit('\\ud800')", 1, "\\ud800\n"),
        ("raise SystemExit(None)", 0, ""),
        ("raise SystemExit(256)", 255, ""),
        ("raise SystemExit(259)", 3, ""),
        ("raise SystemExit(2**80)", 255, ""),
        ("raise SystemExit(-(2**80))", 255, ""),
        ("raise SystemExit(0.0)", 1, "0.0\n"),
        ("raise SystemExit('')", 1, "\n"),
        ("raise SystemExit(1, 2)", 1, "(1, 2)\n"),
        ("import os; os._exit(3)", 3, ""),
        ("import os; os._exit(0)", 0, ""),
    ],
    ids=[
        *("nothing", "0", "7", "-1", "True", "text", "list", "surrogate"),
        *("None", "256", "259", "2**80", "-2**80", "0.0", "no text", "two", "_exit 3", "_exit 0"),
    ],
)
def test_an_exit_has_its_code_and_no_traceback(bench, end, code, log):
    outcome = bench.run(f"def f():\n    {end}")

    assert (outcome.exit_code, outcome.log) == (code, log)
    assert outcome.exit["reason"] == ("EXIT_CODE" if code else None)
    assert outcome.error is None
    assert not outcome.has_result


@pytest.mark.parametrize("kind", ["KeyboardInterrupt", "GeneratorExit", "BaseException"])
def test_an_exception_that_is_no_exception_is_a_failure_with_its_traceback(bench, kind):
    outcome = bench.run(f"def f():\n    raise {kind}('x')")

    assert outcome.exit_code == 1
    assert (outcome.error["type"], outcome.error["message"]) == (kind, "x")


def test_a_signal_is_named(bench):
    outcome = bench.run("import os, signal\ndef f():\n    os.kill(os.getpid(), signal.SIGKILL)")

    assert (outcome.exit_code, outcome.exit["signal"]) == (None, "SIGKILL")
    assert outcome.exit["reason"] == "SIGNAL"


def test_a_realtime_signal_is_told_too(bench):
    outcome = bench.run(
        "import os, signal\ndef f():\n    os.kill(os.getpid(), signal.SIGRTMIN + 5)"
    )

    assert outcome.exit["signal"] == str(signal.SIGRTMIN + 5)


def test_bytes_and_text_keep_their_order_in_the_log(bench):
    task = """
        import os, sys
        def f():
            print("one")
            sys.stdout.buffer.write(b"\\xff two\\n")
            os.write(1, b"three\\n")
            print("four", file=sys.stderr)
    """

    assert bench.run(task).log == "one\n\ufffd two\nthree\nfour\n"


@pytest.mark.parametrize(
    "close",
    [
        "sys.stdout.close()",
        "sys.stdout.close(); sys.stderr.close()",
        "sys.stdout = None; sys.stderr = None",
        "os.close(1); os.close(2)",
    ],
    ids=["stdout", "both", "none", "descriptors"],
)
@pytest.mark.parametrize(("end", "code"), [("return 1", 0), ("raise ValueError('x')", 1)])
def test_a_task_may_close_its_streams(bench, close, end, code):
    outcome = bench.run(f"import os, sys\ndef f():\n    {close}\n    {end}")

    assert outcome.exit_code == code, outcome.log
    assert (outcome.error is None) is (code == 0)
    assert outcome.has_result is (code == 0)


def test_streams_that_were_replaced_do_not_hide_the_traceback(bench):
    outcome = bench.run("import io, sys\ndef f():\n    sys.stderr = io.StringIO()\n    1 / 0")

    assert "ZeroDivisionError" in outcome.log


def test_a_task_that_forks_ends_when_the_parent_does_and_its_child_is_ended(bench):
    task = """
        import os, time
        def f():
            child = os.fork()
            if child == 0:
                time.sleep(600)
            return child
    """

    outcome = bench.run(task)

    wait_until(lambda: not is_running(outcome.result))


def is_running(pid):
    state = subprocess.run(
        ["ps", "-o", "state=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout.strip()
    return state not in ("", "Z", "X")


def wait_until(is_so):
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.02)


def test_a_child_that_leaves_the_task_too_does_not_end_the_job(bench):
    task = """
        import os
        def f():
            child = os.fork()
            if child:
                os.waitpid(child, 0)
            print("parent" if child else "child", flush=True)
            return "parent" if child else "child"
    """

    outcome = bench.run(task)

    assert outcome.log == "child\nparent\n"
    assert outcome.result == "parent"


def test_exit_handlers_of_the_task_are_called(bench):
    outcome = bench.run(
        "import atexit\ndef f():\n    atexit.register(print, 'goodbye')\n    return 1"
    )

    assert (outcome.log, outcome.exit_code) == ("goodbye\n", 0)


def test_exit_handlers_are_called_after_a_failure_too(bench):
    outcome = bench.run("import atexit\ndef f():\n    atexit.register(print, 'goodbye')\n    1 / 0")

    assert outcome.log.endswith("ZeroDivisionError: division by zero\ngoodbye\n")
    assert outcome.exit_code == 1


def test_a_thread_that_still_works_is_waited_for(bench):
    task = """
        import threading, time
        def work():
            time.sleep(0.3)
            print("done", flush=True)
        def f():
            threading.Thread(target=work).start()
    """

    assert bench.run(task).log == "done\n"


def test_what_json_cannot_hold_is_said_and_the_job_succeeds(bench):
    outcome = bench.run("def f():\n    x = []\n    x.append(x)\n    return x")

    assert outcome.exit_code == 0
    assert outcome.log.startswith("nemorun: the result is not kept: the return value is nested")
    assert not outcome.has_result


def test_the_result_of_an_earlier_attempt_is_not_taken_for_this_ones(bench):
    bench.run("def f():\n    return 'first'")

    outcome = bench.run("def f():\n    pass", attempt=2)

    assert not outcome.has_result


def test_a_result_that_was_kept_does_not_hide_a_later_crash(bench):
    task = """
        import atexit, os
        def f():
            atexit.register(os.abort)
            return 1
    """

    outcome = bench.run(task)

    assert (outcome.exit_code, outcome.exit["signal"]) == (None, "SIGABRT")


def test_a_script_becomes_the_process(bench):
    argv = [sys.executable, "-c", "import os; print(os.getpid()); raise SystemExit(4)"]

    outcome = bench.run(argv=argv, function=None)

    assert outcome.exit_code == 4
    assert int(outcome.log) == outcome.process["child"]["pid"]


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("no-such-program", 127),
        ("./not-executable", 127),
        ("./", 127),
    ],
    ids=["missing", "not executable", "directory"],
)
def test_a_program_that_cannot_be_run_is_named(bench, command, code):
    bench.write("echo hello\n", "not-executable")

    outcome = bench.run(argv=[command], function=None)

    assert outcome.exit_code == code
    assert outcome.log.startswith(f"nemorun: {command}: ")


def test_a_script_is_ended_by_a_broken_pipe_as_in_a_shell(bench):
    outcome = bench.run(argv=["bash", "-c", "yes | head -1; echo ${PIPESTATUS[0]}"], function=None)

    assert outcome.log == f"y\n{128 + signal.SIGPIPE}\n"


def test_a_script_inherits_the_signals_as_they_are_meant_to_be(bench):
    program = (
        "import signal;"
        "print([n.name for n in signal.Signals if signal.getsignal(n) == signal.SIG_IGN])"
    )

    outcome = bench.run(argv=[sys.executable, "-c", program], function=None)

    # Python itself ignores these two when it starts.
    assert outcome.log == "['SIGPIPE', 'SIGXFSZ']\n"


def test_ctrl_c_reaches_a_task_as_an_exception(bench):
    task = """
        import os, signal
        def f():
            try:
                os.kill(os.getpid(), signal.SIGINT)
                signal.pause()
            except KeyboardInterrupt:
                return "interrupted"
    """

    assert bench.run(task).result == "interrupted"


def test_a_result_that_cannot_be_written_fails_the_job_with_the_reason(bench):
    task = """
        import nemorun
        def f():
            (nemorun.current().job_dir / "result.json").mkdir()
            return 1
    """

    outcome = bench.run(task)

    assert outcome.exit_code == 1
    assert outcome.error["type"] == "IsADirectoryError"


NO_TEXT = """
    import os, sys, time
    class Odd(Exception):
        def __str__(self):
            {}
        __repr__ = __str__
    def f():
        raise Odd(3)
"""


@pytest.mark.parametrize(
    "what",
    ["sys.exit(0)", "raise KeyboardInterrupt", "return 3", "os._exit(0)"],
    ids=["exits", "interrupts", "no text", "leaves at once"],
)
def test_an_exception_that_leaves_when_it_is_shown_is_a_failure(bench, what):
    outcome = bench.run(NO_TEXT.format(what))

    assert (outcome.exit_code, outcome.exit["reason"]) == (1, "EXIT_CODE")
    assert what.startswith("os._exit") or outcome.error["type"] == "Odd"


def test_an_exception_whose_class_gets_in_the_way_is_a_failure(bench):
    task = """
        import sys
        class Odd(Exception):
            def with_traceback(self, trace):
                sys.exit(0)
        class Left(SystemExit):
            code = property(lambda self: "no" "thing")
        def f():
            raise Odd(3)
    """

    outcome = bench.run(task)

    assert outcome.exit_code == 1
    assert (outcome.error["type"], outcome.error["line"]) == ("Odd", None)
    assert "cannot be described" in outcome.log


def test_an_exit_handler_does_not_make_a_success_of_a_failure(bench):
    failed = bench.run(
        "import atexit, os\ndef f():\n    atexit.register(os._exit, 0)\n    raise ValueError('x')"
    )
    left = bench.run(
        "import atexit, sys\ndef f():\n    atexit.register(sys.exit, 0)\n    1 / 0", attempt=2
    )
    raised = bench.run("import atexit\ndef f():\n    atexit.register(lambda: 1 / 0)", attempt=3)

    assert (failed.exit_code, failed.error["type"]) == (1, "ValueError")
    assert left.exit_code == 1
    # As Python has it: what an exit handler or another thread raises is printed, and no more.
    assert raised.exit_code == 0
    assert "ZeroDivisionError" in raised.log


def test_an_async_def_is_run_to_its_end(bench, any_python):
    task = """
        import asyncio
        async def f(n):
            await asyncio.sleep(0)
            return [n, await asyncio.gather(*map(one, range(n)))]
        async def one(i):
            return i
    """
    failing = "async def f():\n    raise ValueError('x')"
    leaving = "import sys\nasync def f():\n    sys.exit(4)"

    outcome = bench.run(task, python=[any_python], params={"n": 2})

    assert (outcome.exit_code, outcome.result) == (0, [2, [0, 1]])
    failed = bench.run(failing, python=[any_python], attempt=2)
    assert (failed.exit_code, failed.error["line"]) == (1, 2)
    assert bench.run(leaving, python=[any_python], attempt=3).exit_code == 4


@pytest.mark.parametrize(
    ("task", "what"),
    [
        ("def f():\n    yield 1", "a generator (f)"),
        ("async def f():\n    yield 1", "an asynchronous generator (f)"),
        ("async def g(): ...\ndef f():\n    return g()", "a coroutine (g)"),
        ("async def g(): ...\nf = lambda: g()", "a coroutine (g)"),
        ("async def g(): ...\nasync def f():\n    return g()", "a coroutine (g)"),
        (
            "import functools\ndef g(n):\n    yield n\nf = functools.partial(g, 1)",
            "a generator (g)",
        ),
        (
            "import contextlib\n@contextlib.contextmanager\ndef f():\n    yield 1",
            "a generator (f)",
        ),
        ("def g():\n    yield 1\ndef f():\n    return {'a': [g()]}", "['a'][0] is a generator"),
    ],
    ids=[
        *("generator", "async generator", "coroutine", "lambda", "async of async"),
        *("partial", "contextmanager", "nested"),
    ],
)
def test_what_comes_back_without_having_run_is_a_failure(bench, task, what):
    outcome = bench.run(task)

    assert outcome.exit_code == 1
    assert outcome.error["type"] == "NotRun"
    assert what in outcome.error["message"]
    assert "never awaited" not in outcome.log


def test_a_generator_that_has_begun_is_only_not_kept(bench):
    outcome = bench.run("def f():\n    g = (i for i in (1, 2))\n    next(g)\n    return g")

    assert outcome.exit_code == 0
    assert "the result is not kept" in outcome.log


def test_an_async_partial_and_an_async_object_are_run(bench):
    partial = "import functools\nasync def g(n):\n    return n\nf = functools.partial(g, 3)"
    called = "class G:\n    async def __call__(self):\n        return 4\nf = G()"

    assert bench.run(partial).result == 3
    assert bench.run(called, attempt=2).result == 4
