"""Of a script that launches, a job runs what its task needs, and nothing else."""

from __future__ import annotations

import ast
import sys
import textwrap

import pytest

from nemorun_discover.worker.slice import MissingName, load_slice, slice_of


def kept(text: str, *names: str) -> list[str]:
    tree = slice_of(textwrap.dedent(text).encode(), names or ["f"], "launch.py")
    return [ast.unparse(node) for node in tree.body]


def first_lines(text: str, *names: str) -> list[str]:
    return [one.splitlines()[0] for one in kept(text, *names)]


def test_what_only_does_something_is_left_out():
    text = """
        print("launching")
        def f(): pass
        run.run(f)
        for one in range(3): run.run(f)
        with run.Experiment("x") as e: e.run()
        assert f
        del run
    """

    assert first_lines(text) == ["def f():"]


def test_the_main_part_is_left_out():
    text = """
        def f(): return X
        X = 1
        if __name__ == "__main__":
            X = 2
        if "__main__" == __name__ and X:
            Y = 3
        elif X:
            X = 4
    """

    assert first_lines(text) == ["def f():", "X = 1"]


def test_what_the_function_uses_is_kept_in_its_order():
    text = """
        A = 1
        B = A + 1
        C = 5
        def g(): return B
        def f(): return g()
        class D: pass
    """

    assert first_lines(text) == ["A = 1", "B = A + 1", "def g():", "def f():"]


@pytest.mark.parametrize(
    "text",
    [
        "N = 1\n@N\ndef f(): pass",
        "N = 1\ndef f(x=N): pass",
        "N = 1\ndef f(x: N): pass",
        "N = 1\ndef f() -> N: pass",
        "N = 1\ndef f(x: 'list[N]'): pass",
        "N = 1\ndef f(x: 'N') -> None: pass",
        "N = 1\ndef f():\n    def g(): return [N for _ in '']\n    return g",
        "N = 1\ndef f():\n    class C(N): pass",
        "N = 1\ndef f(): return lambda: N",
        "N = 1\nasync def f(): return N",
        "N = 1\nf = N",
        "N = 1\nclass f(N): pass",
        "N = 1\nclass f:\n    x: N = 2",
    ],
    ids=[
        "decorator",
        "default",
        "annotation",
        "returns",
        "text",
        "whole-text",
        "inner",
        "base",
        "lambda",
        "async",
        "value",
        "class-base",
        "field",
    ],
)
def test_every_way_to_use_a_name_counts(text):
    assert kept(text)[0] == "N = 1"


def test_a_local_name_is_not_the_scripts():
    text = """
        result = run.run(f)
        executor = run.LocalExecutor()
        def f(executor):
            result = executor.result
            return [task for task in result]
        task = run.Partial(f)
    """

    assert first_lines(text) == ["def f(executor):"]


def test_an_attribute_is_not_a_name():
    assert first_lines("launch = run.run(g)\ndef f(x): return x.launch") == ["def f(x):"]


def test_an_import_is_narrowed_to_what_is_used():
    text = """
        import os, heavy, a.b
        from tools import used, unused as other, one as renamed
        def f(): return os.sep, used, renamed, a.b.c
    """

    assert kept(text)[:2] == ["import os, a.b", "from tools import used, one as renamed"]


def test_what_may_bring_any_name_is_kept():
    text = """
        from __future__ import annotations
        from everything import *
        import unused
        def f(): return who_knows
    """

    assert first_lines(text) == [
        "from __future__ import annotations",
        "from everything import *",
        "def f():",
    ]


@pytest.mark.parametrize(
    "block",
    [
        "try:\n    import fast as N\nexcept ImportError:\n    N = None",
        "if 1 > 0:\n    N = 1\nelse:\n    N = 2",
        "with open('x') as N:\n    pass",
        "for N in range(3):\n    pass",
        "while not (N := 1):\n    pass",
        "match 1:\n    case N:\n        pass",
        "N: int = 1",
        "(M, [*N]) = (1, [2])",
        "def N(): pass",
        "class N: pass",
    ],
    ids=["try", "if", "with", "for", "walrus", "match", "annotated", "unpacked", "def", "class"],
)
def test_every_way_to_bind_a_name_counts(block):
    tree = kept(f"{block}\ndef f(): return N")

    assert tree[0] == ast.unparse(ast.parse(block))


def test_a_value_that_is_filled_in_later_is_filled_in():
    text = """
        SETTINGS = {}
        SETTINGS["lr"] = 1
        SETTINGS["deep"]["er"] += 1
        OTHER = {}
        OTHER["x"] = 1
        import os
        os.environ["A"] = "1"
        def f(): return SETTINGS, os
    """

    assert first_lines(text) == [
        "SETTINGS = {}",
        "SETTINGS['lr'] = 1",
        "SETTINGS['deep']['er'] += 1",
        "import os",
        "def f():",
    ]


def test_several_names_can_be_wanted():
    assert first_lines("class C: pass\ndef f(): pass\ndef g(): pass", "f", "C") == [
        "class C:",
        "def f():",
    ]


def test_a_name_that_is_not_there_is_named():
    with pytest.raises(MissingName) as caught:
        kept("def g(): pass")

    assert (caught.value.name, caught.value.line) == ("f", None)


def test_a_name_of_the_main_part_is_named_with_its_line():
    with pytest.raises(MissingName) as caught:
        kept('def f(): return LR\nif __name__ == "__main__":\n    LR = 1')

    assert (caught.value.name, caught.value.line) == ("LR", 2)


@pytest.mark.parametrize(
    "text",
    [
        'def f(): return LR\nLR = 0\nif __name__ == "__main__":\n    LR = 1',
        'def f(): return print\nif __name__ == "__main__":\n    print = 1',
        'from x import *\ndef f(): return LR\nif __name__ == "__main__":\n    LR = 1',
    ],
    ids=["bound-outside-too", "builtin", "star"],
)
def test_a_name_that_may_come_from_elsewhere_is_not_missing(text):
    assert kept(text)


def test_the_module_has_the_scripts_file_and_lines(tmp_path):
    file = tmp_path / "launch"
    file.write_text("1 / 0\n\n\ndef f():\n    return __file__, f.__code__.co_firstlineno\n")

    module = load_slice(file, "some_launch", ["f"])

    assert module.f() == (str(file), 4)
    assert sys.modules.pop("some_launch") is module


def test_future_imports_hold(tmp_path):
    file = tmp_path / "launch.py"
    file.write_text("from __future__ import annotations\ndef f(x: unknown): pass\n")

    module = load_slice(file, "future_launch", ["f"])

    assert module.f.__annotations__ == {"x": "unknown"}
    del sys.modules["future_launch"]
