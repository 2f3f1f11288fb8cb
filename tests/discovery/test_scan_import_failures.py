"""Imports that fail, die or never end, in real child interpreters."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from nemorun_discover.discovery.child import Failure, Request, ask

if TYPE_CHECKING:
    from tests.discovery.conftest import Project


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("import not_there", "ModuleNotFoundError: No module named 'not_there'"),
        ("raise SystemExit('no GPU')", "SystemExit: no GPU"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("import helper", "ZeroDivisionError: division by zero"),
        ("import broken", "SyntaxError: invalid syntax (broken.py, line 1)"),
        ("raise ValueError('two\\nlines')", "ValueError: two lines"),
    ],
    ids=["import", "exit", "interrupt", "below", "syntax", "lines"],
)
def test_an_import_that_fails_is_an_issue_with_the_line_and_clear_tasks_stay(
    project: Project, statement: str, message: str
):
    project.write("helper.py", "1 / 0\n").write("broken.py", "def x(:\n")
    project.write(
        "tasks.py",
        f"import nemorun\n\n{statement}\n\n@nemorun.task\ndef clear(): ...\n\n"
        "@nemorun.task(tags=sorted('x'))\ndef f(): ...\n",
    )

    found = project.collect()

    assert [task.name for task in found.tasks] == ["clear"]
    (issue,) = found.issues
    assert (issue.file, issue.line) == ("tasks.py", 3)
    assert issue.message == f"{message} (the file was imported because tags= on line 8 is computed)"


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("import os; os._exit(7)", "the import ended the interpreter with exit code 7"),
        ("import os; os.abort()", "the import ended the interpreter with signal 6"),
        (
            "import os; os.write(2, b'bad driver\\n'); os._exit(1)",
            "the import ended the interpreter with exit code 1: bad driver",
        ),
    ],
    ids=["exit", "abort", "last-words"],
)
def test_an_interpreter_that_dies_is_an_issue(project: Project, statement: str, message: str):
    _, found = project.issue(
        f"import nemorun\n{statement}\n@nemorun.task(tags=sorted('x'))\ndef f(): ...\n"
    )

    assert found == f"{message} (the file was imported because tags= on line 3 is computed)"


def test_an_import_without_end_is_ended_with_all_it_started(project: Project):
    project.write(
        "tasks.py",
        """
        import os, subprocess, sys, time
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        open("pids", "w").write(f"{os.getpid()} {child.pid}")
        time.sleep(600)
        """,
    )

    (answer,) = ask([Request(root=project.root, file="tasks.py", timeout_s=2)])

    assert answer == Failure(line=0, text="the import did not end within 2 s")
    pids = [int(pid) for pid in (project.root / "pids").read_text().split()]
    assert not any(_is_running(pid) for pid in pids)


def test_a_thread_that_the_file_started_does_not_delay_the_answer(project: Project):
    content = """
        import threading, time
        import nemorun
        threading.Thread(target=time.sleep, args=(600,)).start()
        @nemorun.task(tags=sorted("x"))
        def f(): ...
    """

    assert project.tasks(content)["f"].tags == ("x",)


def _is_running(pid: int) -> bool:
    for _ in range(100):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return False
        if state == "Z":
            return False
        time.sleep(0.05)
    return True
