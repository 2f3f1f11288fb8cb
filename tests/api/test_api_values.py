"""Arguments as people read them, and exactly where that is not enough."""

from __future__ import annotations

import json
from enum import Enum
from pathlib import Path
from typing import Any

import pytest

from nemorun_discover.api.values import is_same, plain, travelling
from nemorun_discover.errors import UsageError
from nemorun_discover.worker.arguments import bind
from tests.worker.test_worker_exact import VALUES, Color, Frozen, made


def anything(x): ...


def text(x: str): ...


def where(x: Path | None): ...


def color(x: Color): ...


def pairs(x: dict[str, tuple[int, ...]]): ...


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES.keys())
@pytest.mark.parametrize(
    "function", [anything, text, where, color, pairs], ids=lambda one: one.__name__
)
def test_whatever_the_annotation_an_argument_comes_back_as_it_was(function, value):
    params, exact = json.loads(json.dumps(travelling(function, {"x": value})))

    assert list(params) == ["x"]
    assert is_same(bind(function, params, exact)["x"], value)


@pytest.mark.parametrize(
    ("function", "value", "shown"),
    [
        (where, Path("a"), "a"),
        (color, Color.RED, "RED"),
        (pairs, {"a": (1, 2)}, {"a": [1, 2]}),
        (anything, {"a": [1, None, True, 0.5]}, {"a": [1, None, True, 0.5]}),
    ],
    ids=["path", "enum", "tuples", "json"],
)
def test_what_the_annotation_brings_back_is_written_once(function, value, shown):
    assert travelling(function, {"x": value}) == ({"x": shown}, {})


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        (2**70, hex(2**70)),
        (made(), {"lr": 1.0, "where": "x"}),
        ({3, 1}, [1, 3]),
        ([Frozen((Path("a"),))], [{"values": ["a"]}]),
    ],
    ids=["nan", "inf", "large", "dataclass", "set", "nested"],
)
def test_people_read_plain_json(value, shown):
    assert plain(value) == shown
    json.dumps(shown, allow_nan=False)


class Local(Enum):
    A = 1


def inner_class() -> object:
    class Inner(Enum):
        A = 1

    return Inner.A


def holds_itself() -> list[Any]:
    values: list[Any] = []
    values.append(values)
    return values


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (lambda: 1, "anything: argument x is a lambda, which cannot travel to a job"),
        (anything, "anything: argument x is the function anything, which cannot"),
        (b"x", "anything: argument x is a bytes, which cannot travel to a job"),
        ({1: 2}, "anything: argument x has the key 1, and only text can be a key"),
        ([{"a": (object(),)}], "anything: argument x[0]['a'][0] is an object, which"),
        (Frozen((1j,)), "anything: argument x.values[0] is a complex, which cannot"),
        (
            inner_class(),
            "anything: argument x is of the class inner_class.<locals>.Inner, which cannot",
        ),
        (int, "anything: argument x is a type, which cannot travel"),
        (holds_itself(), "anything: argument x holds itself"),
    ],
    ids=["lambda", "function", "bytes", "key", "nested", "field", "class", "type", "circle"],
)
def test_what_cannot_travel_is_named(value, sentence):
    with pytest.raises(UsageError) as caught:
        travelling(anything, {"x": value})

    assert caught.value.message.startswith(sentence)


def test_an_open_file_is_called_that(tmp_path):
    with (tmp_path / "f").open("w") as file, pytest.raises(UsageError) as caught:
        travelling(anything, {"x": file})

    assert caught.value.message.startswith("anything: argument x is an open file")


def test_a_scalar_of_numpy_is_a_number(module):
    module(
        "class generic:\n    def __init__(self, value): self.value = value\n"
        "    def item(self): return self.value\n",
        "numpy",
    )
    import numpy as np  # noqa: PLC0415

    params, exact = travelling(anything, {"x": np.generic(0.5), "y": [np.generic(1)]})

    assert (params, exact) == ({"x": 0.5, "y": [1]}, {})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, 1.0),
        (1, True),
        ("a", Path("a")),
        ((1,), [1]),
        ({1}, {1.0}),
        (0.0, -0.0),
        ({"a": 1, "b": 1}, {"b": 1, "a": 1}),
    ],
    ids=["int", "bool", "path", "tuple", "set", "zero", "order"],
)
def test_equal_is_not_the_same(one, other):
    assert not is_same(one, other)
