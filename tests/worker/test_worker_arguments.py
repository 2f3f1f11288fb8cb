"""From JSON to what the annotations of a task ask for."""

# ruff: noqa: UP006, UP007, UP045 - old spellings and new ones are what is told apart here

from __future__ import annotations

import collections.abc
import datetime as dt
import enum
import subprocess
import typing
from dataclasses import InitVar, dataclass, field
from functools import wraps
from pathlib import Path, PurePosixPath
from types import SimpleNamespace
from typing import Annotated, Any, Literal, NewType, Optional, Union

import pytest

from nemorun_discover.packaging.runtime import IMPORT_ROOT
from nemorun_discover.worker.arguments import bind, convert

if typing.TYPE_CHECKING:
    from nowhere import Nothing


class Color(enum.Enum):
    RED = 1
    BLUE = "RED"  # the name of another member


class Level(enum.IntEnum):
    LOW = 1


@dataclass
class Inner:
    where: Path
    color: Color = Color.RED


@dataclass
class Outer:
    inner: Inner
    many: list[Inner] = field(default_factory=list)
    by_number: dict[int, Inner] = field(default_factory=dict)
    maybe: Optional[Inner] = None


@dataclass
class Other:
    size: int


@dataclass
class WithTypeCheckersName:
    strange: Nothing
    where: Path


@dataclass
class Child(WithTypeCheckersName):
    more: Path = Path()


@dataclass
class WithInitVar:
    source: InitVar[Path]
    kind: str = ""

    def __post_init__(self, source):
        self.kind = type(source).__name__


UserPath = NewType("UserPath", Path)


@pytest.mark.parametrize(
    ("hint", "value", "expected"),
    [
        (Path, "a/b", Path("a/b")),
        (PurePosixPath, "a", PurePosixPath("a")),
        (str, "a", "a"),
        (int, 3, 3),
        (float, 3, 3.0),
        (bool, True, True),
        (Any, [1], [1]),
        (Any, "x", "x"),
        (object, {"a": 1}, {"a": 1}),
        (None, "x", "x"),
        (Color, "RED", Color.RED),
        (Color, 1, Color.RED),
        (Level, "LOW", Level.LOW),
        (Level, 1, Level.LOW),
        (Literal["a", 1], "a", "a"),
        (Literal["a", 1], 1, 1),
        (Optional[Path], "a", Path("a")),
        (Optional[Path], None, None),
        (Union[None, Path], "a", Path("a")),
        (Path | None, "a", Path("a")),
        (None | Path, "a", Path("a")),
        (Union[int, str], 1, 1),
        (Union[int, str], "1", "1"),
        (Union[int, float], 1, 1),
        (Union[float, str], 1, 1.0),
        (Union[Path, str], "a", "a"),
        (Union[int, Path], "a", Path("a")),
        (Union[Color, str], "RED", "RED"),
        (Union[Color, int], "RED", Color.RED),
        (Union[Literal["auto"], Path], "auto", "auto"),
        (Union[Literal["auto"], Path], "x", Path("x")),
        (Union[Literal[1], bool], True, True),
        (Union[list[int], Path], "x", Path("x")),
        (Union[list[int], Path], [1], [1]),
        (Union[list[Path], list[int]], [1], [1]),
        (Union[tuple[int, int], tuple[int, int, int]], [1, 2, 3], (1, 2, 3)),
        (Union[Other, Path], "x", Path("x")),
        (Union[Other, Path], {"size": 1}, Other(1)),
        (Union[Other, Inner], {"where": "a"}, Inner(Path("a"))),
        (Union[dt.date, Path], "not a date", Path("not a date")),
        (Union[int, str, None], [1], [1]),
        (list[Path], ["a"], [Path("a")]),
        (typing.List, ["a"], ["a"]),
        (list, ["a"], ["a"]),
        (typing.Sequence[Path], ["a"], [Path("a")]),
        (tuple, [1, 2], (1, 2)),
        (typing.Tuple, [1, 2], (1, 2)),
        (tuple[Path, ...], ["a", "b"], (Path("a"), Path("b"))),
        (tuple[int, Path], [1, "a"], (1, Path("a"))),
        (tuple[()], [], ()),
        (set, [1, 1], {1}),
        (set[Path], ["a"], {Path("a")}),
        (typing.Set, [1], {1}),
        (frozenset[int], [1], frozenset({1})),
        (collections.abc.Set[int], [1], {1}),
        (dict, {"a": 1}, {"a": 1}),
        (dict[int, Path], {"1": "a"}, {1: Path("a")}),
        (dict[float, int], {"0.5": 1}, {0.5: 1}),
        (dict[bool, int], {"true": 1, "False": 0}, {True: 1, False: 0}),
        (dict[Color, int], {"RED": 1}, {Color.RED: 1}),
        (dict[str, Optional[Path]], {"a": None, "b": "c"}, {"a": None, "b": Path("c")}),
        (typing.Mapping[str, Path], {"a": "b"}, {"a": Path("b")}),
        (Inner, {"where": "a", "color": "RED"}, Inner(Path("a"), Color.RED)),
        (
            Outer,
            {
                "inner": {"where": "a"},
                "many": [{"where": "b"}],
                "by_number": {"1": {"where": "c"}},
                "maybe": {"where": "d"},
            },
            Outer(Inner(Path("a")), [Inner(Path("b"))], {1: Inner(Path("c"))}, Inner(Path("d"))),
        ),
        (list[dict[str, tuple[Path, int]]], [{"a": ["b", 1]}], [{"a": (Path("b"), 1)}]),
        (WithTypeCheckersName, {"strange": 1, "where": "a"}, WithTypeCheckersName(1, Path("a"))),
        (Child, {"strange": 1, "where": "a", "more": "b"}, Child(1, Path("a"), Path("b"))),
        (WithInitVar, {"source": "a"}, WithInitVar(Path("a"))),
        (UserPath, "a", Path("a")),
        (dt.datetime, "2026-11-22T07:12:03Z", dt.datetime(2026, 11, 22, 7, 12, 3, tzinfo=dt.UTC)),
        (dt.datetime, "2026-11-22T07:12:03", dt.datetime(2026, 11, 22, 7, 12, 3)),  # noqa: DTZ001
        (dt.date, "2026-11-22", dt.date(2026, 11, 22)),
        (dt.time, "07:12", dt.time(7, 12)),
        ("Nothing", "as it came", "as it came"),
    ],
    ids=str,
)
def test_a_value_becomes_what_the_annotation_says(hint, value, expected):
    made = convert(value, hint)

    assert made == expected
    assert type(made) is type(expected)


def test_a_path_that_stands_in_an_int_is_not_taken_for_one():
    assert type(convert({"1": "a"}, dict[int, Path])[1]) is type(Path())


@pytest.mark.parametrize(
    ("hint", "value", "message"),
    [
        (Color, "GREEN", "'GREEN' is not a valid Color"),
        (Optional[Color], "GREEN", "'GREEN' is not a valid Color"),
        (tuple[int, int], [1, 2, 3], "3 values for a tuple of 2"),
        (tuple[int, int], [1], "1 values for a tuple of 2"),
        (dt.date, "yesterday", "Invalid isoformat"),
    ],
    ids=["enum", "optional enum", "too many", "too few", "date"],
)
def test_a_value_that_does_not_fit_after_all_is_an_error(hint, value, message):
    with pytest.raises(ValueError, match=message):
        convert(value, hint)


def test_annotations_written_as_text_are_evaluated():
    def task(where: "Path", color: "Color | None" = None, plain=None): ...  # noqa: UP037

    assert bind(task, {"where": "a", "color": "RED", "plain": "x"}) == {
        "where": Path("a"),
        "color": Color.RED,
        "plain": "x",
    }


def test_an_annotation_that_cannot_be_evaluated_leaves_the_others_alone():
    def task(strange: Nothing, where: Path, maybe: Optional[Path] = None): ...

    assert bind(task, {"strange": "s", "where": "a", "maybe": "b"}) == {
        "strange": "s",
        "where": Path("a"),
        "maybe": Path("b"),
    }


def test_what_annotated_adds_is_passed_over():
    def task(where: Annotated[Path, "a remark"], many: list[Annotated[Path, "x"]]): ...

    assert bind(task, {"where": "a", "many": ["b"]}) == {"where": Path("a"), "many": [Path("b")]}


def test_a_wrapped_task_is_bound_by_the_annotations_of_the_one_inside():
    def task(where: Path): ...

    @wraps(task)
    def outer(*args, **kwargs): ...

    assert bind(outer, {"where": "a"}) == {"where": Path("a")}


def test_values_for_var_keyword_parameters_stay_as_they_came():
    def task(**options: Path): ...

    assert bind(task, {"a": "b"}) == {"a": "b"}


def test_only_what_is_given_is_bound():
    def task(where: Path = Path("default")): ...

    assert bind(task, {}) == {}


def test_unions_with_a_bar_are_read_by_a_python_that_does_not_know_them(any_python):
    program = """
from __future__ import annotations
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from nemorun_discover.worker.arguments import bind
def task(a: Path | None, b: dict[str, list[int] | Path], c: Nothing | int = 1): ...
made = bind(task, {"a": "x", "b": {"k": "y", "l": [1]}, "c": 2})
assert made == {"a": Path("x"), "b": {"k": Path("y"), "l": [1]}, "c": 2}, made
"""

    subprocess.run([any_python, "-S", "-c", program, str(IMPORT_ROOT)], check=True)


def test_a_type_alias_stands_for_its_type():
    alias = SimpleNamespace(__value__=Path | None)  # what `type Place = ...` of Python 3.12 makes

    assert convert("a", alias) == Path("a")


def test_exact_values_win_over_what_the_annotation_would_make():
    def task(where: Path, size: int, color: Color): ...

    exact = {"where": "text", "color": {"$type": "enum", "class": ["", "Color"], "name": "RED"}}
    bound = bind(task, {"where": "a", "size": 1, "color": "no such color"}, exact)

    assert list(bound.items()) == [("where", "text"), ("size", 1), ("color", Color.RED)]
