"""Short ways to write tasks, types and parameters."""

from __future__ import annotations

import pytest

from nemorun_discover.discovery.cell import Cell
from nemorun_discover.model.task import (
    ANY,
    MISSING,
    Parameter,
    Parametrize,
    Task,
    TypeKind,
    TypeSpec,
)

_SIMPLE = {"int": TypeKind.INT, "float": TypeKind.FLOAT, "bool": TypeKind.BOOL, "str": TypeKind.STR}
_SIMPLE |= {"Path": TypeKind.PATH, "None": TypeKind.NONE, "Any": TypeKind.ANY}


def read_type(text):
    """A TypeSpec for annotations such as `list[int]`, `int | None` and `Literal['a', 1]`."""
    members = _parts(text, "|")
    if len(members) > 1:
        return TypeSpec(kind=TypeKind.UNION, text=text, args=tuple(map(read_type, members)))
    name, bracket, inside = text.partition("[")
    if name == "Literal":
        return TypeSpec(kind=TypeKind.LITERAL, text=text, values=tuple(eval(f"[{inside}")))
    if bracket:
        args = tuple(map(read_type, _parts(inside[:-1], ",")))
        return TypeSpec(kind=TypeKind(name), text=text, args=args)
    if text in ("list", "tuple", "dict"):
        return TypeSpec(kind=TypeKind(text), text=text)
    return TypeSpec(kind=_SIMPLE.get(text, TypeKind.UNKNOWN), text=text)


def _parts(text, separator):
    """What lies between separators outside brackets."""
    depth, parts = 0, [""]
    for char in text:
        depth += {"[": 1, "]": -1}.get(char, 0)
        if char == separator and depth == 0:
            parts.append("")
        else:
            parts[-1] += char
    return [part.strip() for part in parts]


@pytest.fixture
def type_of():
    return read_type


@pytest.fixture
def color():
    return TypeSpec(kind=TypeKind.ENUM, text="Color", values=("RED", "GREEN", "green"))


@pytest.fixture
def model():
    fields = (
        ("depth", read_type("int"), False),
        ("name", read_type("str"), True),
        ("rates", read_type("list[float]"), True),
    )
    return TypeSpec(kind=TypeKind.DATACLASS, text="Model", fields=fields)


@pytest.fixture
def param():
    def make(name, annotation="Any", default=MISSING, default_text=None):
        spec = annotation if isinstance(annotation, TypeSpec) else read_type(annotation)
        if default is not MISSING:
            default_text = repr(default)
        return Parameter(
            name=name,
            type=ANY if spec is None else spec,
            default=default,
            default_text=default_text,
        )

    return make


@pytest.fixture
def make_task():
    def make(name="train", *params, file=None, parametrize=(), **more):
        file = file or f"tasks/{name}.py"
        rows = tuple(
            Parametrize(
                names=tuple(one[0].split(",")),
                rows=tuple(row if isinstance(row, tuple) else (row,) for row in one[1]),
                ids=tuple(one[2]) if len(one) > 2 else (None,) * len(one[1]),
            )
            for one in parametrize
        )
        return Task(
            id=f"{file}::{name}",
            name=name,
            file=file,
            line=3,
            function=more.pop("function", name),
            params=params,
            parametrize=rows,
            **more,
        )

    return make


@pytest.fixture
def make_cell(make_task):
    def make(name="train", params=None, *, label="", **more):
        return Cell(task=make_task(name, **more), params=params or {}, label=label)

    return make
