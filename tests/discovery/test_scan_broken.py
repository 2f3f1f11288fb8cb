"""Files that are not Python, or not text."""

from __future__ import annotations

import os
import sys
import warnings
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.discovery.conftest import Project

GOOD = "import nemorun\n@nemorun.task\ndef good(): ...\n"
LATIN = "# -*- coding: latin-1 -*-\nimport nemorun\n@nemorun.task\ndef f(a='é'): 'ü'\n"


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        (b"import nemorun\n\ndef broken(:\n", 3, "SyntaxError: invalid syntax"),
        (b"import nemorun\ndef f():\n    return (\n", 3, "SyntaxError: '(' was never closed"),
        (b"import nemorun\nif 1:\n  a\n b\n", 4, "IndentationError: unindent does not match"),
        (b"# nemorun\nx = '\xe9'\n", 2, "the file is not utf-8: byte 0xe9"),
        (b"# -*- coding: klingon -*-\n# nemorun\n", 1, "the file's encoding cannot be told"),
        (b"# nemorun\n\nx = 1\0\n", 3, "the file holds a NUL byte"),
        (b"# nemorun\nx = " + b"(" * 5_000, 2, "too many nested parentheses"),
        (b"# nemorun\nx = " + b"-" * 100_000 + b"1", 0, "the file is nested too deeply"),
        (b"import nemorun\nx = a" + b".b" * 2_000 + b"()\n", 0, "the file is nested too deeply"),
    ],
    ids=["syntax", "open", "indent", "not-utf-8", "cookie", "nul", "parentheses", "deep", "dots"],
)
def test_a_broken_file_is_an_issue_with_its_line_and_the_rest_is_found(
    project: Project, content: bytes, line: int, message: str
):
    project.write("broken.py", content).write("good.py", GOOD)

    found = project.collect()

    assert [task.id for task in found.tasks] == ["good.py::good"]
    (issue,) = found.issues
    assert (issue.file, issue.line) == ("broken.py", line)
    assert message in issue.message


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="this Python knows the syntax")
def test_syntax_of_a_later_python_names_the_line_and_the_version_that_read_it(project: Project):
    project.write("new.py", "import nemorun\n\ntype Size = int\n")

    (issue,) = project.collect().issues

    assert issue.line == 3
    assert f"Python {sys.version_info.major}.{sys.version_info.minor}" in issue.message


def test_a_file_in_another_encoding_is_read_by_its_cookie(project: Project):
    project.write("latin.py", LATIN.encode("latin-1"))

    (task,) = project.collect().tasks

    assert (task.params[0].default, task.params[0].default_text, task.doc) == ("é", "'é'", "ü")


def test_columns_are_right_after_letters_of_several_bytes(project: Project):
    content = "import nemorun\n@nemorun.task\ndef f(a='日本', b=[1], c: 'int' = 2): ...\n"

    params = project.tasks(content)["f"].params

    assert [each.default_text for each in params] == ["'日本'", "[1]", "2"]


def test_a_warning_of_the_compiler_is_not_shown(project: Project):
    project.write("tasks.py", GOOD + 'PATTERN = "\\d"\n')

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = project.collect()

    assert (caught, found.issues) == ([], ())


def test_a_pipe_named_like_a_file_is_not_opened(project: Project):
    os.mkfifo(project.root / "pipe.py")

    found = project.collect(".", "pipe.py")

    assert [issue.message for issue in found.issues] == ["the path is not a file or directory"]


def test_a_file_that_fails_while_it_is_read_is_an_issue(project: Project):
    project.write("good.py", GOOD)
    # Its first page is not mapped: reading it is an error, for root too.
    (project.root / "bad.py").symlink_to("/proc/self/mem")

    found = project.collect()

    assert [task.name for task in found.tasks] == ["good"]
    assert [(issue.file, issue.line, issue.message) for issue in found.issues] == [
        ("bad.py", 0, "the file cannot be read: Input/output error")
    ]


@pytest.mark.usefixtures("permissions_hold")
def test_an_unreadable_file_or_directory_is_an_issue(project: Project):
    project.write("a.py", GOOD).write("b/tasks.py", GOOD).write("good.py", GOOD)
    (project.root / "a.py").chmod(0)
    (project.root / "b").chmod(0)

    found = project.collect()

    (project.root / "b").chmod(0o700)
    assert [task.id for task in found.tasks] == ["good.py::good"]
    assert [(issue.file, issue.message) for issue in found.issues] == [
        ("a.py", "the file cannot be read: Permission denied"),
        ("b", "the directory cannot be read: Permission denied"),
    ]
