from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from nemorun_discover.discovery.dynamic import describe_types
from nemorun_discover.errors import CollectionError
from nemorun_discover.model.task import TypeKind as K
from nemorun_discover.model.task import TypeSpec as S

if TYPE_CHECKING:
    from tests.discovery.conftest import Project

INT = S(kind=K.INT, text="int")


def test_the_types_that_a_syntax_tree_does_not_explain_are_told_by_an_import(project: Project):
    project.write(
        "lib/shapes.py",
        """
        import dataclasses, enum, pathlib, typing
        class Shape(enum.Enum):
            ROUND = 1
        @dataclasses.dataclass
        class Config:
            shape: Shape
            size: "int | None" = None
            inner: "Config | None" = None
        Width = typing.NewType("Width", int)
        """,
    )
    project.write(
        "tasks.py",
        """
        from __future__ import annotations
        import pathlib, typing
        import nemorun
        import shapes
        from shapes import Config, Shape, Width

        @nemorun.task
        def f(a: Shape, b: Config, c: Width, d: list[pathlib.Path], e, g: typing.Literal["x"],
              h: nowhere.Thing, i: set[int], j: tuple[int, ...], *args: int): ...
        """,
    )

    types = describe_types(project.root, "tasks.py", "f", ["lib"])

    assert types["a"] == S(kind=K.ENUM, text="Shape", values=("ROUND",))
    assert [(name, kind.kind, needed) for name, kind, needed in types["b"].fields] == [
        ("shape", K.ENUM, False),
        ("size", K.UNION, True),
        ("inner", K.UNION, True),
    ]
    assert types["c"] == INT
    assert types["d"].args[0].kind is K.PATH
    assert types["e"].kind is K.ANY
    assert types["g"].values == ("x",)
    assert types["h"] == S(kind=K.UNKNOWN, text="nowhere.Thing")
    assert (types["i"].kind, types["j"].kind) == (K.LIST, K.LIST)
    assert list(types) == list("abcdeghij")


def test_an_import_that_fails_says_so_in_one_sentence(project: Project):
    project.write("tasks.py", "import nemorun\nimport not_there\n@nemorun.task\ndef f(a): ...\n")

    with pytest.raises(CollectionError) as raised:
        describe_types(project.root, "tasks.py", "f")

    assert raised.value.message == (
        "tasks.py:2: the types of 'f' cannot be told: ModuleNotFoundError: No module named 'not_there'"
    )


def test_a_function_that_is_not_in_the_file_says_so(project: Project):
    project.write("tasks.py", "")

    with pytest.raises(CollectionError, match="has no attribute 'f'"):
        describe_types(project.root, "tasks.py", "f")
