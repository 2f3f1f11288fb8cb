from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from nemorun_discover.model.task import TypeKind, TypeSpec

if TYPE_CHECKING:
    from tests.discovery.conftest import Project

HEAD = """\
import collections.abc as cabc
import dataclasses as dc
import enum
import pathlib
import typing
import typing as t
from dataclasses import dataclass, field
from enum import Enum, StrEnum, auto
from pathlib import Path, Path as P
from typing import *
from typing import Annotated, Any, Dict, List, Literal, Optional, Sequence, Tuple, Union
import nemorun

SIZES = "s"
Number = int | float
Deep = Optional["Number"]

class Color(Enum):
    RED = 1
    BLUE = auto()
    _ignored = 3
    def method(self): ...

class Base(str, enum.Enum): ...

class Named(Base):
    A: str = "a"
    B = C = "b"

class Level(enum.IntEnum):
    LOW = 1

@dataclass
class Parent:
    x: int
    y: "Color" = Color.RED

@dc.dataclass(frozen=True)
class Child(Parent):
    z: list[str] = dc.field(default_factory=list)
    hidden: int = dc.field(init=False)
    shared: t.ClassVar[int] = 1
    needed: float = field(repr=False)
    again: Optional["Child"] = None

class Plain: ...

class int_like(int): ...

"""
S = TypeSpec
K = TypeKind
INT, FLOAT, STR, BOOL = (S(kind=kind, text=kind) for kind in (K.INT, K.FLOAT, K.STR, K.BOOL))
NONE = S(kind=K.NONE, text="None")
PATH = S(kind=K.PATH, text="Path")
COLOR = S(kind=K.ENUM, text="Color", values=("RED", "BLUE"))


def spec_of(project: Project, annotation: str) -> TypeSpec:
    content = f"{HEAD}@nemorun.task\ndef f(a: {annotation}): ...\n"
    return project.tasks(content)["f"].params[0].type


@pytest.mark.parametrize(
    ("annotation", "kind", "args"),
    [
        ("int", K.INT, ()),
        ("float", K.FLOAT, ()),
        ("bool", K.BOOL, ()),
        ("str", K.STR, ()),
        ("None", K.NONE, ()),
        ("Path", K.PATH, ()),
        ("P", K.PATH, ()),
        ("pathlib.Path", K.PATH, ()),
        ("pathlib.PurePath", K.PATH, ()),
        ("Any", K.ANY, ()),
        ("typing.Any", K.ANY, ()),
        ("object", K.ANY, ()),
        ("list", K.LIST, ()),
        ("list[int]", K.LIST, (INT,)),
        ("List[int]", K.LIST, (INT,)),
        ("t.Sequence[Path]", K.LIST, (PATH,)),
        ("cabc.Sequence[int]", K.LIST, (INT,)),
        ("tuple", K.TUPLE, ()),
        ("tuple[int, str]", K.TUPLE, (INT, STR)),
        ("Tuple[int, str]", K.TUPLE, (INT, STR)),
        ("tuple[int, ...]", K.LIST, (INT,)),
        ("dict", K.DICT, ()),
        ("dict[str, int]", K.DICT, (STR, INT)),
        ("Dict[str, int]", K.DICT, (STR, INT)),
        ("Optional[int]", K.UNION, (INT, NONE)),
        ("Union[int, str]", K.UNION, (INT, STR)),
        ("int | str | None", K.UNION, (INT, STR, NONE)),
        ("int | (str | int)", K.UNION, (INT, STR)),
        ("Number", K.UNION, (INT, FLOAT)),
        ("Deep", K.UNION, (INT, FLOAT, NONE)),
        ("Color | None", K.UNION, (COLOR, NONE)),
        ("Plain", K.UNKNOWN, ()),
        ("int_like", K.UNKNOWN, ()),
        ("not_imported.Thing", K.UNKNOWN, ()),
        ("set[int]", K.UNKNOWN, ()),
        ("Literal[b'x']", K.UNKNOWN, ()),
        ("3", K.UNKNOWN, ()),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_annotation_is_read_without_an_import(
    project: Project, annotation: str, kind: TypeKind, args: tuple[TypeSpec, ...]
):
    assert spec_of(project, annotation) == S(kind=kind, text=annotation, args=args)


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        ("'int'", INT),
        ("' list[int] '", S(kind=K.LIST, text="list[int]", args=(INT,))),
        ("'list[\"int\"]'", S(kind=K.LIST, text='list["int"]', args=(INT,))),
        ("'not python('", S(kind=K.UNKNOWN, text="'not python('")),
        ("Annotated[int, 'steps']", INT),
        ("t.Annotated['Path', 1, 2]", PATH),
    ],
    ids=["text", "spaces", "text-in-text", "broken", "annotated", "annotated-text"],
)
def test_texts_and_wrappers_mean_what_is_in_them(
    project: Project, annotation: str, expected: TypeSpec
):
    assert spec_of(project, annotation) == expected


@pytest.mark.parametrize(
    ("annotation", "values"),
    [
        ("Literal['a', 'b']", ("a", "b")),
        ("typing.Literal[1, -2, True, None]", (1, -2, True, None)),
        ("Literal[SIZES]", ("s",)),
    ],
    ids=["text", "scalars", "constant"],
)
def test_a_literal_has_its_values(project: Project, annotation: str, values: tuple[object, ...]):
    assert spec_of(project, annotation) == S(kind=K.LITERAL, text=annotation, values=values)


@pytest.mark.parametrize(
    ("annotation", "members"),
    [("Color", ("RED", "BLUE")), ("Named", ("A", "B", "C")), ("Level", ("LOW",))],
    ids=["enum", "inherited", "int-enum"],
)
def test_an_enum_has_its_member_names(project: Project, annotation: str, members: tuple[str, ...]):
    assert spec_of(project, annotation) == S(kind=K.ENUM, text=annotation, values=members)


def test_a_dataclass_has_its_constructors_fields_in_order(project: Project):
    again = S(kind=K.UNION, text="Optional['Child']", args=(S(kind=K.UNKNOWN, text="Child"), NONE))
    items = S(kind=K.LIST, text="list[str]", args=(STR,))

    assert spec_of(project, "Child") == S(
        kind=K.DATACLASS,
        text="Child",
        fields=(
            ("x", INT, False),
            ("y", COLOR, True),
            ("z", items, True),
            ("needed", FLOAT, False),
            ("again", again, True),
        ),
    )


@pytest.mark.parametrize(
    "content",
    [
        "class int: ...\n",
        "from other import int\n",
        "int = 3\n",
        "if print:\n    int = float\n",
    ],
    ids=["class", "import", "value", "condition"],
)
def test_a_name_that_hides_a_builtin_is_not_the_builtin(project: Project, content: str):
    task = project.tasks(f"import nemorun\n{content}@nemorun.task\ndef f(a: int): ...\n")["f"]

    assert task.params[0].type.kind is not K.INT
