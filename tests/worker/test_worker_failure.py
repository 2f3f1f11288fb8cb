"""What is kept and shown of an exception: the user's own frames, whatever the exception does."""

from __future__ import annotations

import time

import pytest

from nemorun_discover.worker.failure import describe_failure


def frames_of(text):
    return [
        line.rpartition(" ")[2].strip() for line in text.splitlines() if line.startswith("  File")
    ]


def test_the_log_and_the_record_hold_the_same_traceback_once(bench):
    outcome = bench.run("def f():\n    raise ValueError('boom')")

    assert outcome.log == outcome.error["traceback"]
    assert outcome.log.count("ValueError: boom") == 1
    assert outcome.log.startswith("Traceback (most recent call last):\n")


def test_a_cause_is_shown_with_its_frames(bench):
    task = """
        def inner():
            raise KeyError("first")
        def f():
            try:
                inner()
            except KeyError as error:
                raise RuntimeError("second") from error
    """

    outcome = bench.run(task)

    assert "KeyError: 'first'" in outcome.log
    assert "direct cause of the following exception" in outcome.log
    assert frames_of(outcome.log) == ["f", "inner", "f"]
    assert (outcome.error["type"], outcome.error["line"]) == ("RuntimeError", 8)


def test_an_exception_during_another_is_shown_with_it(bench):
    outcome = bench.run("def f():\n    try:\n        1 / 0\n    finally:\n        {}['key']")

    assert "During handling of the above exception" in outcome.log
    assert outcome.error["type"] == "KeyError"


@pytest.mark.parametrize("group", ["ExceptionGroup", "BaseExceptionGroup"])
def test_every_exception_of_a_group_is_shown(bench, group):
    task = f"""
        def inner(text):
            raise ValueError(text)
        def f():
            errors = []
            for text in ("first", "second"):
                try:
                    inner(text)
                except ValueError as error:
                    errors.append(error)
            raise {group}("both", errors)
    """

    outcome = bench.run(task)

    assert outcome.error["type"] == "ExceptionGroup"
    assert "ValueError: first" in outcome.log
    assert "ValueError: second" in outcome.log
    assert "supervise.py" not in outcome.log


def test_frames_of_installed_packages_between_the_users_are_kept(bench):
    bench.write(
        "def call(function):\n    return function()\n", ".venv/lib/site-packages/library.py"
    )
    task = """
        import sys
        sys.path.append(".venv/lib/site-packages")
        import library
        def inner():
            raise ValueError
        def f():
            library.call(inner)
    """

    outcome = bench.run(task)

    assert frames_of(outcome.log) == ["f", "call", "inner"]
    assert outcome.error["line"] == 6


def test_the_place_is_the_users_last_line_and_not_the_librarys(bench):
    task = """
        import json
        def f():
            json.loads("{")
    """

    outcome = bench.run(task)

    assert frames_of(outcome.log)[:2] == ["f", "loads"]
    assert (outcome.error["file"], outcome.error["line"]) == (str(bench.root / "tasks.py"), 4)


def test_a_virtualenv_in_the_project_is_not_the_users_code(tmp_path):
    library = tmp_path / ".venv" / "lib" / "site-packages" / "library.py"
    library.parent.mkdir(parents=True)
    library.write_text("def fail():\n    raise ValueError('inside')\n")
    names = {}
    exec(compile(library.read_text(), str(library), "exec"), names)

    with pytest.raises(ValueError, match="inside") as raised:
        names["fail"]()

    assert describe_failure(raised.value, tmp_path)["file"] is None


def test_a_runtime_that_lies_in_the_project_is_not_the_users_code(bench):
    inside = bench.root / ".run" / "runtime.zip"
    inside.parent.mkdir()
    bench.runtime = bench.runtime.rename(inside)

    outcome = bench.run("def f():\n    raise ValueError")

    assert frames_of(outcome.log) == ["f"]


def test_a_wrong_call_shows_none_of_nemoruns_frames(bench, any_python):
    # Under the Python that made the runtime its frames come from bytecode, elsewhere from source.
    outcome = bench.run("def f(x):\n    pass", params={"y": 1}, python=[any_python])

    assert frames_of(outcome.log) == []
    assert outcome.error["message"] == "f() got an unexpected keyword argument 'y'"
    assert (outcome.error["file"], outcome.error["line"]) == (None, None)


def test_a_value_that_an_enum_refuses_is_shown(bench):
    task = "import enum\nclass C(enum.Enum):\n    A = 1\ndef f(c: C): pass"

    outcome = bench.run(task, params={"c": "B"})

    assert outcome.error["message"] == "'B' is not a valid C"
    assert "nemorun_discover" not in outcome.log


def test_endless_recursion_is_cut_in_the_middle(bench):
    task = """
        def f():
            g()
        def g():
            h()
        def h():
            g()
    """

    outcome = bench.run(task)

    assert outcome.error["type"] == "RecursionError"
    assert len(outcome.log.splitlines()) <= 205
    assert "lines are left out ..." in outcome.log
    assert outcome.log.splitlines()[-1].startswith("RecursionError: maximum recursion depth")
    assert frames_of(outcome.log)[0] == "f"


def test_a_syntax_error_in_a_module_that_the_task_imports_names_both(bench):
    bench.write("x = = 1\n", "lib.py")

    outcome = bench.run("def f():\n    import lib")

    assert frames_of(outcome.log) == ["f", "1"]
    assert "importlib" not in outcome.log
    assert (outcome.error["file"], outcome.error["line"]) == (str(bench.root / "lib.py"), 1)


@pytest.mark.parametrize(
    "body",
    ["raise RuntimeError('inside str')", "return 1", "return self.missing"],
    ids=["raises", "returns no text", "attribute"],
)
def test_an_exception_that_cannot_be_turned_into_text_is_a_failure_like_any_other(bench, body):
    task = f"""
        class Broken(Exception):
            def __str__(self):
                {body}
        def f():
            raise Broken
    """

    outcome = bench.run(task)

    assert outcome.exit_code == 1
    assert outcome.error["message"] == "<a Broken that cannot be turned into text>"
    assert frames_of(outcome.log) == ["f"]
    assert "Broken" in outcome.log.splitlines()[-1]


def test_a_message_that_is_no_unicode_is_kept_with_question_marks(bench):
    outcome = bench.run("def f():\n    raise ValueError('a\\ud800b\\0é')")

    assert outcome.error["message"] == "a?b\0é"


def test_a_nested_exception_class_has_its_whole_name(bench):
    task = "class Model:\n    class Bad(Exception): pass\ndef f():\n    raise Model.Bad('x')"

    assert bench.run(task).error["type"] == "Model.Bad"


def test_notes_of_an_exception_are_shown(bench):
    task = """
        def f():
            error = ValueError("x")
            error.add_note("batch 7")
            raise error
    """

    assert "batch 7" in bench.run(task).log


def test_an_exception_that_cannot_be_shown_in_time_is_described_without_its_text(tmp_path):
    class Waits(Exception):
        def __str__(self):
            time.sleep(600)
            return "at last"

    with pytest.raises(Waits) as raised:
        raise Waits(3)

    described = describe_failure(raised.value, tmp_path, patience_s=0.05)

    assert described["type"].endswith("Waits")
    assert described["message"].startswith("<a ")
    assert "at last" not in described["traceback"]
