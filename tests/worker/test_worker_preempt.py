"""What a task wants done when its time is nearly over; the signals are real, sent to a process of its own."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
import threading

import pytest

import nemorun


def run(program: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """What the program does, which sends itself signals."""
    begin = "import os, signal, sys, time\nimport nemorun\nme = os.getpid()\n"
    return subprocess.run(
        [sys.executable, "-c", begin + textwrap.dedent(program)],
        env={"PYTHONPATH": ":".join(one for one in sys.path if one), **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


def test_callbacks_are_called_in_order_and_the_task_goes_on():
    done = run(
        """
        nemorun.on_preempt(lambda: print("first"))
        nemorun.on_preempt(lambda: print("second"))
        os.kill(me, signal.SIGUSR1)
        print("went on")
        """,
        NEMORUN_JOB_DIR="/job",
    )

    assert done.stdout.split("\n")[:3] == ["first", "second", "went on"]


def test_the_executors_signal_is_the_one_that_is_heard():
    done = run(
        """
        nemorun.on_preempt(lambda: print("heard"))
        os.kill(me, signal.SIGUSR2)
        """,
        NEMORUN_JOB_DIR="/job",
        NEMORUN_PREEMPT_SIGNAL="SIGUSR2",
    )

    assert (done.returncode, done.stdout) == (0, "heard\n")


def test_a_callback_can_end_the_task():
    done = run(
        """
        @nemorun.on_preempt
        def save():
            raise SystemExit(5)

        os.kill(me, signal.SIGUSR1)
        print("never")
        """,
        NEMORUN_JOB_DIR="/job",
    )

    assert (done.returncode, done.stdout) == (5, "")


def test_term_calls_the_callbacks_and_then_ends_the_task():
    done = run(
        """
        nemorun.on_preempt(lambda: (os.kill(me, signal.SIGTERM), print("saved", flush=True)))
        os.kill(me, signal.SIGTERM)
        print("never", flush=True)
        """,
        NEMORUN_JOB_DIR="/job",
    )

    assert (done.returncode, done.stdout) == (-signal.SIGTERM, "saved\n")


def test_what_was_saved_at_the_announcement_is_not_saved_again_at_term():
    done = run(
        """
        nemorun.on_preempt(lambda: print("saved", flush=True))
        os.kill(me, signal.SIGUSR1)
        os.kill(me, signal.SIGTERM)
        """,
        NEMORUN_JOB_DIR="/job",
    )

    assert (done.returncode, done.stdout) == (-signal.SIGTERM, "saved\n")


def test_term_in_the_middle_of_an_announcement_lets_it_finish_first():
    done = run(
        """
        @nemorun.on_preempt
        def save():
            os.kill(me, signal.SIGTERM)
            print("saved", flush=True)

        os.kill(me, signal.SIGUSR1)
        print("never", flush=True)
        """,
        NEMORUN_JOB_DIR="/job",
    )

    assert (done.returncode, done.stdout) == (-signal.SIGTERM, "saved\n")


def test_a_handler_that_was_there_before_ends_the_task_in_its_own_way():
    done = run(
        """
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
        nemorun.on_preempt(lambda: print("saved"))
        nemorun.on_preempt(lambda: print("and this"))
        os.kill(me, signal.SIGTERM)
        """,
        NEMORUN_JOB_DIR="/job",
    )

    assert (done.returncode, done.stdout) == (7, "saved\nand this\n")


def test_what_a_task_forked_saves_nothing():
    done = run(
        """
        nemorun.on_preempt(lambda: print("saved", flush=True))
        child = os.fork()
        os.kill(os.getpid(), signal.SIGUSR1)
        if child:
            os.waitpid(child, 0)
        """,
        NEMORUN_JOB_DIR="/job",
    )

    assert done.stdout == "saved\n"


def test_outside_a_job_the_signal_is_what_it_always_was():
    done = run(
        """
        nemorun.on_preempt(lambda: print("never"))
        os.kill(me, signal.SIGUSR1)
        """
    )

    assert (done.returncode, done.stdout) == (-signal.SIGUSR1, "")


def test_it_gives_the_function_back():
    def save():
        """Nothing."""

    assert nemorun.on_preempt(save) is save


def test_a_thread_is_told_that_it_cannot_ask(monkeypatch):
    monkeypatch.setenv("NEMORUN_JOB_DIR", "/job")
    raised = []

    def ask():
        try:
            nemorun.on_preempt(print)
        except nemorun.UsageError as error:
            raised.append(error.message)

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()

    assert raised == ["on_preempt was called in a thread, and only the main thread takes signals"]


def test_what_cannot_be_called_is_refused():
    with pytest.raises(nemorun.UsageError, match="on_preempt takes a function, not str"):
        nemorun.on_preempt("save")
