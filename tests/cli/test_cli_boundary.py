"""The edge of the program: which exception leaves which exit code, and what the user reads."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest


def leave_with(nemorun, body, *argv, stdout=subprocess.PIPE, **env):
    """Run a body at the boundary, in a process of its own."""
    script = (
        "from nemorun_discover.cli.boundary import exit_with\n"
        "from nemorun_discover.errors import *\n"
        f"def body():\n    {body}\n"
        f"exit_with(body, {list(argv)!r})\n"
    )
    return subprocess.run(
        [sys.executable, "-P", "-c", script],
        env=nemorun.environment(**env),
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("return None", 0),
        ("return 7", 7),
        ("raise UsageError('x')", 4),
        ("raise ConfigError('x')", 4),
        ("raise CollectionError('x')", 4),
        ("raise StoreError('x')", 4),
        ("raise NothingSelected('x')", 5),
        ("raise ExecutorRefused('x')", 6),
        ("raise JobFailed('x')", 1),
        ("raise WaitTimeout('x')", 124),
        ("raise KeyboardInterrupt", 2),
        ("1 / 0", 3),
    ],
)
def test_every_end_has_its_exit_code(nemorun, body, code):
    assert leave_with(nemorun, body).returncode == code


def test_an_error_is_a_sentence_and_a_hint(nemorun):
    done = leave_with(nemorun, "raise UsageError('no such thing', hint='look elsewhere')")

    assert (done.stdout, done.stderr) == ("", "error: no such thing\nhint: look elsewhere\n")


def test_an_error_is_a_document_too_where_json_was_asked_for(nemorun):
    answer = nemorun("status", "--json")

    assert answer.code == 4
    error = answer.json["error"]
    assert answer.json["schema"] == "nemorun.command_error/1"
    assert error["message"].startswith("there is no experiment in ")
    assert (error["hint"], error["exit_code"]) == ("start one with `nemorun run`", 4)
    assert answer.err.startswith("error: there is no experiment in ")


def test_an_internal_error_leaves_a_crash_log_instead_of_a_traceback(nemorun):
    done = leave_with(nemorun, "1 / 0", "run", "-k", "train")

    path = Path(done.stderr.splitlines()[1].removeprefix("hint: the details are in "))
    assert done.stderr.startswith("error: internal error: ZeroDivisionError: division by zero\n")
    assert "Traceback" not in done.stderr
    assert path.parent == Path(os.environ["NEMORUN_HOME"]) / "crashes"
    assert path.stat().st_mode & 0o777 == 0o600
    text = path.read_text()
    assert "argv:     ['run', '-k', 'train']" in text
    assert "nemorun:  0.1.0" in text
    assert "ZeroDivisionError: division by zero" in text


def test_a_crash_log_holds_no_secret_of_the_command_line(nemorun):
    done = leave_with(nemorun, "1 / 0", "run", "-o", "profiles.a.env_vars.API_TOKEN=hunter2")

    path = Path(done.stderr.splitlines()[1].removeprefix("hint: the details are in "))
    assert "API_TOKEN=***" in path.read_text()
    assert "hunter2" not in path.read_text()


def test_a_crash_log_falls_back_to_the_directory_for_temporary_files(nemorun, tmp_path):
    (tmp_path / "file").write_text("no directory")
    (tmp_path / "tmp").mkdir()

    done = leave_with(
        nemorun, "1 / 0", NEMORUN_HOME=str(tmp_path / "file"), TMPDIR=str(tmp_path / "tmp")
    )

    path = Path(done.stderr.splitlines()[1].removeprefix("hint: the details are in "))
    assert tmp_path / "tmp" in path.parents
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert str(os.getuid()) not in path.parent.name.split("-")  # nobody can have put a link there
    assert "ZeroDivisionError" in path.read_text()


def test_control_characters_in_an_error_do_not_reach_the_terminal(nemorun):
    answer = nemorun("status", "\x1b[31mred\x07")

    assert answer.code == 4
    assert "\x1b" not in answer.err
    assert "\x07" not in answer.err


def test_color_yes_colours_the_label_of_an_error(nemorun):
    answer = nemorun("--color", "yes", "statsu")

    assert answer.err.startswith("\x1b[1;31merror\x1b[0m: ")


def test_a_reader_that_leaves_early_is_no_error(nemorun, shelf, told):
    shelf.put(told("train@local", log="line\n" * 500_000))
    process = nemorun.start("logs")

    first = process.stdout.readline()
    process.stdout.close()

    assert first == b"line\n"
    assert (process.wait(timeout=30), process.stderr.read()) == (0, b"")
    process.stderr.close()


def test_a_reader_that_leaves_early_does_not_change_the_verdict(nemorun, shelf, told):
    shelf.put(told("train@local", state="FAILED"))
    read, write = os.pipe()
    os.close(read)

    done = subprocess.run(
        [sys.executable, "-P", "-m", "nemorun_discover.cli.main", "status", "--exit-code"],
        cwd=nemorun.directory,
        env=nemorun.environment(),
        stdout=write,
        stderr=subprocess.PIPE,
        check=False,
    )

    os.close(write)
    assert done.returncode == 100


def test_help_into_a_closed_pipe_is_silent(nemorun):
    read, write = os.pipe()
    os.close(read)

    done = subprocess.run(
        [sys.executable, "-P", "-m", "nemorun_discover.cli.main", "--help"],
        env=nemorun.environment(),
        stdout=write,
        stderr=subprocess.PIPE,
        check=False,
    )

    os.close(write)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_below_stdout_is_said_in_one_sentence(nemorun, shelf, told):
    shelf.put(told("train@local"))

    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "nemorun_discover.cli.main", "status"],
            cwd=nemorun.directory,
            env=nemorun.environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    assert done.returncode == 4
    assert done.stderr == "error: the output cannot be written (No space left on device)\n"


def test_an_interrupted_wait_exits_2(nemorun, shelf, told):
    shelf.put(told("train@local", state="RUNNING"))
    process = nemorun.start("wait")
    process.stderr.readline()  # it is waiting now

    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)

    assert process.returncode == 2
    assert err == b"interrupted\n"


def test_a_terminal_that_is_not_utf8_gets_ascii(nemorun, shelf, told):
    shelf.put(told("train@local", result={"name": "Zoë ✓"}))

    answer = nemorun("status", PYTHONUTF8="0", PYTHONIOENCODING="ascii")

    assert "+ SUCCEEDED" in answer.out
    assert answer.out.isascii()
    assert answer.code == 0


def test_json_stays_json_in_any_encoding(nemorun, shelf, told):
    shelf.put(told("train@local", result={"name": "Zoë"}))

    answer = nemorun("status", "--json", PYTHONUTF8="0", PYTHONIOENCODING="latin-1:strict")

    assert answer.json["jobs"][0]["result"] == {"name": "Zoë"}
