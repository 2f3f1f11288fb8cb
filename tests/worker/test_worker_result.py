"""From what a task returned to JSON."""

from __future__ import annotations

import datetime as dt
import enum
import json
import math
from collections import OrderedDict, namedtuple
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from nemorun_discover.worker.result import to_json


class Color(enum.Enum):
    RED = "red"
    PAIR = (1, Path("x"))


class Level(enum.IntEnum):
    LOW = 1


class Name(str):
    __slots__ = ()


class Scalar:
    """As a scalar of numpy or torch: no float, but one `item()` away from it."""

    def __init__(self, value: Any) -> None:
        self.value = value
        self.shape = ()

    def __repr__(self):
        return f"Scalar({self.value})"

    def item(self):
        return self.value


class Array:
    shape = (2,)

    def item(self):
        raise ValueError("can only convert an array of size 1")


@dataclass
class Metrics:
    loss: Any
    where: Path = Path("m")
    tags: set[str] = field(default_factory=set)


Point = namedtuple("Point", "x y")  # noqa: PYI024 - an old one


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (3, 3),
        (2**70, 2**70),
        (0.5, 0.5),
        (math.nan, None),
        (math.inf, None),
        (-math.inf, None),
        ("é🙂\n", "é🙂\n"),
        ("a\ud800b", "a?b"),
        (Name("n"), "n"),
        (Path("/a b"), "/a b"),
        (PurePosixPath("a"), "a"),
        (Color.RED, "red"),
        (Color.PAIR, [1, "x"]),
        (Level.LOW, 1),
        ([1, (2, [3])], [1, [2, [3]]]),
        ({1}, [1]),
        (frozenset({"a"}), ["a"]),
        (Point(1, 2), [1, 2]),
        ({"a": math.nan}, {"a": None}),
        (OrderedDict(a=1), {"a": 1}),
        ({1: "a", None: "b", Path("p"): "c"}, {"1": "a", "None": "b", "p": "c"}),
        ({Color.RED: 1, "\ud800": 2}, {"red": 1, "?": 2}),
        (dt.date(2026, 11, 22), "2026-11-22"),
        (dt.datetime(2026, 11, 22, 7, tzinfo=dt.UTC), "2026-11-22T07:00:00+00:00"),
        (Metrics(0.5, tags={"x"}), {"loss": 0.5, "where": "m", "tags": ["x"]}),
        (
            Metrics(Metrics(math.inf)),
            {"loss": {"loss": None, "where": "m", "tags": []}, "where": "m", "tags": []},
        ),
        (Scalar(1.5), 1.5),
        (Scalar(math.nan), None),
        (Scalar(value=True), True),
        ({"loss": [Scalar(2)]}, {"loss": [2]}),
    ],
    ids=repr,
)
def test_a_value_becomes_json(value, expected):
    made = to_json(value)

    assert made == expected
    assert json.loads(json.dumps(made, allow_nan=False).encode()) == expected


def holding_itself():
    value: list[Any] = []
    value.append(value)
    return value


def nested(depth):
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (object(), "the return value is a object"),
        (Metrics, "the return value is a type"),
        (b"bytes", "the return value is a bytes"),
        (1j, "the return value is a complex"),
        ((x for x in ()), "the return value is a generator"),
        (Array(), "the return value is a Array"),
        ({"a": [0, Metrics({"k": object()})]}, "the return value['a'][1].loss['k'] is a object"),
        ([{1: object()}], "the return value[0][1] is a object"),
        ({1: "a", "1": "b"}, "the return value has keys that are one and the same as text"),
        ([10**5000], "the return value[0] is an int of too many digits"),
        (holding_itself(), "the return value is nested too deeply for JSON, or holds itself"),
        (nested(100_000), "the return value is nested too deeply for JSON, or holds itself"),
    ],
    ids=[
        "object", "class", "bytes", "complex", "generator", "array", "deep", "number key", "equal keys",
        "digits", "itself", "deeply",
    ],
)  # fmt: skip
def test_what_json_cannot_hold_is_named_with_its_place(value, message):
    with pytest.raises(TypeError) as raised:
        to_json(value)

    assert str(raised.value).startswith(message)


def test_a_scalar_that_cannot_be_read_keeps_its_own_error():
    class Broken(Scalar):
        def item(self):
            raise RuntimeError("CUDA error")

    with pytest.raises(RuntimeError, match="CUDA error"):
        to_json({"loss": Broken(1)})
