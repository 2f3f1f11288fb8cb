"""A task's file is imported under the name that the project itself would import it by."""

from __future__ import annotations

import sys
import textwrap

import pytest

from nemorun_discover.worker.load import module_name


@pytest.mark.parametrize(
    ("file", "sys_path", "name"),
    [
        ("tasks.py", ["."], "tasks"),
        ("tasks/train.py", ["."], "tasks.train"),
        ("tasks/__init__.py", ["."], "tasks"),
        ("src/pkg/train.py", [".", "src"], "pkg.train"),
        ("src/pkg/train.py", ["src", "."], "pkg.train"),
        ("src/pkg/train.py", ["."], "src.pkg.train"),
        ("my tasks/run-1.py", ["."], "my tasks.run-1"),
        ("tasks/__main__.py", ["."], "tasks.__main__"),
        ("__main__.py", ["."], "nemorun_tasks.__main__"),
        ("__init__.py", ["."], "nemorun_tasks.__init__"),
        ("train.v2.py", ["."], "nemorun_tasks.train_v2"),
        ("exp.1/train.py", ["."], "nemorun_tasks.train"),
        ("elsewhere/train.py", ["src"], "train"),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, list) else value,
)
def test_a_file_has_the_name_it_is_imported_by(tmp_path, file, sys_path, name):
    assert module_name(tmp_path / file, [str(tmp_path / one) for one in sys_path]) == name


RETURNS_NAMES = "def f():\n    return [__name__, __file__]\n"


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("tasks.py", "tasks"),
        ("deep/er/tasks.py", "deep.er.tasks"),
        ("my tasks/a-b.py", "my tasks.a-b"),
        ("__main__.py", "nemorun_tasks.__main__"),
        ("__init__.py", "nemorun_tasks.__init__"),
        ("exp.1/train.v2.py", "nemorun_tasks.train_v2"),
        ("größe.py", "größe"),
    ],
    ids=["root", "deep", "space and dash", "main", "init", "dots", "umlaut"],
)
def test_a_file_is_loaded_wherever_it_lies(bench, any_python, file, name):
    outcome = bench.run(RETURNS_NAMES, file=file, python=[any_python])

    assert outcome.result == [name, str(bench.root / file)], outcome.log


def test_the_block_under_if_name_is_main_is_not_run(bench):
    outcome = bench.run(
        RETURNS_NAMES + "if __name__ == '__main__':\n    raise SystemExit(3)", file="__main__.py"
    )

    assert outcome.exit_code == 0


def test_a_package_is_loaded_with_its_neighbours(bench):
    bench.write("WORD = 'init'\n", "pkg/__init__.py")
    bench.write("NUMBER = 1\n", "pkg/beside.py")

    outcome = bench.run(
        "from . import WORD, beside\nfrom pkg.beside import NUMBER\ndef f():\n    return [WORD, beside.NUMBER, NUMBER]",
        file="pkg/tasks.py",
    )

    assert outcome.result == ["init", 1, 1], outcome.log


def test_the_init_of_a_package_may_hold_tasks(bench):
    bench.write("NUMBER = 1\n", "pkg/beside.py")

    outcome = bench.run(
        "from .beside import NUMBER\ndef f():\n    return [__name__, NUMBER]",
        file="pkg/__init__.py",
    )

    assert outcome.result == ["pkg", 1], outcome.log


def test_the_project_is_importable_by_its_python_path(bench):
    bench.pythonpath = ["src"]
    bench.write("NUMBER = 1\n", "src/lib/numbers_.py")
    bench.write("NUMBER = 2\n", "beside.py")

    outcome = bench.run(
        "import beside\nfrom lib.numbers_ import NUMBER\ndef f():\n    return [__name__, NUMBER, beside.NUMBER]",
        file="src/tasks/train.py",
    )

    assert outcome.result == ["tasks.train", 1, 2], outcome.log


@pytest.mark.parametrize("file", ["code/train.py", "json/train.py", "sys.py", "time.py", "enum.py"])
def test_a_file_whose_name_another_module_has_is_loaded_all_the_same(bench, file):
    bench.write("NUMBER = 1\n", file.replace(file.rpartition("/")[2], "beside.py"))

    outcome = bench.run(
        "from .beside import NUMBER\ndef f():\n    return [__file__, NUMBER]", file=file
    )

    assert outcome.result == [str(bench.root / file), 1], outcome.log


def test_a_folder_loses_to_an_installed_package_and_its_file_is_loaded_all_the_same(bench):
    # A folder without __init__.py is found only when no package of that name is, wherever that lies.
    bench.pythonpath = ["../installed"]
    bench.write("raise RuntimeError('the wrong package')\n", "../installed/scripts/__init__.py")
    bench.write("NUMBER = 1\n", "scripts/beside.py")

    outcome = bench.run(
        "from . import beside\ndef f():\n    return beside.NUMBER", file="scripts/train.py"
    )

    assert outcome.result == 1, outcome.log


def test_an_error_in_the_package_of_a_task_is_shown_as_it_is(bench):
    bench.write("import not_there\n", "pkg/__init__.py")

    outcome = bench.run("def f(): pass", file="pkg/tasks.py")

    assert (outcome.error["type"], outcome.error["line"]) == ("ModuleNotFoundError", 1)
    assert outcome.error["file"] == str(bench.root / "pkg" / "__init__.py")


def test_a_function_that_is_not_there_is_named(bench):
    outcome = bench.run("def g(): pass")

    assert outcome.error["message"] == "module 'tasks' has no attribute 'f'"


SPAWNING = """
    import multiprocessing
    from dataclasses import dataclass

    @dataclass
    class Point:
        x: int

    def double(point):
        return Point(2 * point.x)

    def f():
        context = multiprocessing.get_context("spawn")
        with context.Pool(1) as pool:
            made = pool.map(double, [Point(1), Point(2)])
        assert all(type(one) is Point for one in made)
        return made
"""


@pytest.mark.parametrize(
    "file", ["tasks.py", "deep/tasks.py", "my tasks/a-b.py", "pkg/__init__.py", "src/lib/tasks.py"]
)
def test_children_of_multiprocessing_import_the_task_and_its_classes(bench, file):
    bench.pythonpath = ["src"]

    outcome = bench.run(SPAWNING, file=file)

    assert outcome.result == [{"x": 2}, {"x": 4}], outcome.log


@pytest.mark.parametrize("file", ["tasks.py", "my tasks/a-b.py"])
def test_a_task_and_its_values_are_picklable(bench, file):
    task = """
        import pickle
        from dataclasses import dataclass
        import nemorun
        @dataclass
        class Point:
            x: int
        @nemorun.task
        def f():
            assert pickle.loads(pickle.dumps(f)) is f
            return [pickle.loads(pickle.dumps(Point(1), protocol)) for protocol in range(6)]
    """

    outcome = bench.run(task, file=file)

    assert outcome.result == [{"x": 1}] * 6, outcome.log


def test_main_is_not_the_worker(bench):
    outcome = bench.run("import __main__\ndef f():\n    return sorted(vars(__main__))")

    assert "main" not in outcome.result


def test_the_task_shares_no_module_with_the_worker(bench):
    task = """
        import sys
        def f():
            return [name for name in sys.modules if name.startswith("nemorun")]
    """

    assert bench.run(task).result == []


def test_a_syntax_error_of_the_file_names_its_line(bench):
    outcome = bench.run("x = 1\ndef f(:\n    pass\n")

    assert (outcome.error["type"], outcome.error["line"]) == ("SyntaxError", 2)
    assert outcome.error["file"] == str(bench.root / "tasks.py")
    assert "nemorun_discover" not in outcome.log
    assert textwrap.dedent(outcome.log).splitlines()[-1].startswith("SyntaxError")


def test_the_interpreter_is_the_one_that_was_asked_for(bench):
    outcome = bench.run("import sys\ndef f():\n    return sys.executable")

    assert outcome.result == sys.executable


def test_the_projects_packages_come_before_an_import_hook_that_stands_before_the_path(bench):
    """As scikit-build-core and meson-python put theirs."""
    hook = """
        import importlib.util, sys

        class Hook:
            known = KNOWN

            @classmethod
            def find_spec(cls, name, path=None, target=None):
                if name in cls.known:
                    return importlib.util.spec_from_file_location(name, cls.known[name])

        sys.meta_path.insert(0, Hook)
    """
    live = bench.root.parent / "live"
    live.mkdir()
    for name in ("pkg", "other"):
        (live / f"{name}.py").write_text("WORD = 'live'")
    bench.write("WORD = 'own'", "pkg.py")
    bench.write("WORD = 'own'", "other.py")
    where = {"pkg": str(live / "pkg.py"), "renamed": str(live / "other.py")}
    bench.write(hook.replace("KNOWN", repr(where)), "sitecustomize.py")
    task = "def f():\n    import pkg, renamed\n    return [pkg.WORD, renamed.WORD]"

    outcome = bench.run(task, relocated={str(live): str(bench.root)})

    assert outcome.result == ["own", "own"]
