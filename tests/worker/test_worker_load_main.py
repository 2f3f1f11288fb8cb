"""A function of the launching script, of a class, or of an installed module."""

from __future__ import annotations

import pytest

LAUNCHER = """
    import os
    from enum import Enum
    import not_there_in_the_job
    from nemorun import Experiment, task

    class Color(Enum):
        RED = 1

    print("launching")
    result = not_there_in_the_job.launch()

    @task(tags=["a"])
    def f(color=None, path: "os.PathLike | None" = None):
        result = [__name__, __file__.rpartition("/")[2], repr(color), isinstance(color, Color)]
        return result

    def g():
        raise ValueError("here")

    class Tools:
        @staticmethod
        def h(): return "static"

    if __name__ == "__main__":
        1 / 0
"""


def test_only_what_the_task_needs_of_the_script_runs(bench, any_python):
    outcome = bench.run(
        LAUNCHER,
        file="launch.py",
        is_main=True,
        exact={"color": {"$type": "enum", "class": ["", "Color"], "name": "RED"}},
        params={"color": "RED"},
        python=[any_python],
    )

    assert outcome.result == ["launch", "launch.py", "<Color.RED: 1>", True], outcome.log
    assert "launching" not in outcome.log


def test_the_traceback_names_the_scripts_own_line(bench):
    outcome = bench.run(LAUNCHER, file="launch.py", is_main=True, function="g")

    assert outcome.error["file"] == str(bench.root / "launch.py")
    assert outcome.error["line"] == LAUNCHER[: LAUNCHER.index("raise")].count("\n") + 1
    assert 'raise ValueError("here")' in outcome.error["traceback"]


def test_a_script_in_a_folder_of_its_own_is_found(bench):
    bench.pythonpath = ["scripts"]
    bench.write("X = 5\n", "scripts/beside.py")

    outcome = bench.run(
        "import beside\ndef f(): return [__name__, beside.X]",
        file="scripts/launch now.py",
        is_main=True,
    )

    assert outcome.result == ["launch now", 5], outcome.log


def test_a_module_of_the_scripts_package_is_found(bench):
    bench.write("", "pkg/__init__.py")
    bench.write("X = 5\n", "pkg/beside.py")

    outcome = bench.run(
        "from .beside import X\nfrom . import beside\ndef f(): return [__package__, X, beside.X]",
        file="pkg/launch.py",
        is_main=True,
    )

    assert outcome.result == ["pkg", 5, 5], outcome.log


@pytest.mark.parametrize("is_main", [True, False], ids=["launcher", "file"])
def test_a_static_method_is_found_by_its_whole_name(bench, is_main):
    text = "class Tools:\n    @staticmethod\n    def h(): return 'static'\n"

    outcome = bench.run(text, function="Tools.h", is_main=is_main)

    assert outcome.result == "static", outcome.log


def test_a_function_of_a_module_is_imported(bench):
    outcome = bench.run(file="", module="os.path", function="basename", params={"p": "a/b"})

    assert outcome.result == "b", outcome.log


def test_a_function_that_is_gone_is_a_failure_of_the_job(bench):
    outcome = bench.run("def g(): pass", is_main=True)

    assert outcome.exit_code == 1
    assert outcome.error["type"] == "MissingName"
    assert outcome.error["message"] == "f"


def test_exact_values_need_no_annotation(bench, any_python):
    outcome = bench.run(
        """
        def f(**values):
            return {name: [type(value).__name__, repr(value)] for name, value in values.items()}
        """,
        params={"a": 1, "b": "x", "c": [1, 2], "d": "nan"},
        exact={
            "b": {"$type": "path", "kind": "Path", "value": "x"},
            "c": {"$type": "tuple", "items": [1, {"$type": "set", "items": [2]}]},
            "d": {"$type": "float", "value": "nan"},
        },
        python=[any_python],
    )

    assert outcome.result == {
        "a": ["int", "1"],
        "b": ["PosixPath", "PosixPath('x')"],
        "c": ["tuple", "(1, {2})"],
        "d": ["float", "nan"],
    }
