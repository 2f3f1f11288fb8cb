"""Tagged JSON comes back as the value it was written for."""

from __future__ import annotations

import datetime as dt
import json
import sys
from dataclasses import InitVar, dataclass, field
from enum import Enum, Flag
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import pytest

from nemorun_discover.api.exactly import encode
from nemorun_discover.api.values import is_same
from nemorun_discover.worker.exact import decode, own_names


class Color(Enum):
    RED = "r"


class Access(Flag):
    READ = 1
    WRITE = 2


@dataclass
class Plain:
    lr: float
    where: Path = Path("x")
    made: list[int] = field(default_factory=list, init=False)
    kind: ClassVar[str] = "plain"

    class Inner(Enum):
        ONE = 1


@dataclass(frozen=True)
class Frozen:
    values: tuple[Any, ...]


@dataclass
class WithInitVar:
    doubled: int = 0
    value: InitVar[int] = 0

    def __post_init__(self, value):
        self.doubled = 2 * value


@dataclass
class Derived:
    a: int

    def __post_init__(self):
        self.b = self.a + 1


@dataclass(init=False)
class OwnInit:
    a: int

    def __init__(self, text: str):
        self.a = int(text)


def made(**changes: Any) -> Plain:
    plain = Plain(1.0)
    for name, value in changes.items():
        setattr(plain, name, value)
    return plain


VALUES = {
    "none": None,
    "true": True,
    "int": 1,
    "large-int": 2**80,
    "large-negative": -(2**80),
    "huge-int": 10**5000,
    "float": 0.1,
    "minus-zero": -0.0,
    "nan": float("nan"),
    "inf": float("-inf"),
    "text": "a",
    "path": Path("a/b"),
    "pure-path": PurePosixPath("a"),
    "windows-path": PureWindowsPath("a\\b"),
    "enum": Color.RED,
    "inner-enum": Plain.Inner.ONE,
    "flags": Access.READ | Access.WRITE,
    "list": [1, (2, [3])],
    "tuple": (1, (2,)),
    "empty-tuple": (),
    "set": {1, "a"},
    "frozenset": frozenset({(1, 2)}),
    "dict": {"a": {"b": (1,)}},
    "dict-that-looks-tagged": {"$type": "tuple", "items": [1]},
    "datetime": dt.datetime(2026, 1, 2, 3, 4, 5, 6),  # noqa: DTZ001 - without a zone on purpose
    "utc": dt.datetime(2026, 1, 2, tzinfo=dt.UTC),
    "zone": dt.datetime(2026, 1, 2, tzinfo=ZoneInfo("Europe/Berlin")),
    "date": dt.date(2026, 1, 2),
    "time": dt.time(1, 2),
    "dataclass": made(),
    "dataclass-field-without-init": made(made=[1, 2]),
    "frozen-dataclass": Frozen((1, Color.RED)),
    "init-var": WithInitVar(3, 4),
    "own-init": OwnInit("5"),
}


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES.keys())
def test_a_value_comes_back_as_it_was(value):
    written = json.loads(json.dumps(encode(value, "it", __name__)))

    assert is_same(decode(written, sys.modules[__name__]), value)


def test_what_a_class_makes_of_its_fields_is_made_again():
    written = encode(Derived(1), "it", __name__)

    assert decode(written, sys.modules[__name__]).b == 2


def test_a_class_of_another_module_is_imported(module):
    other = module("from enum import Enum\nclass E(Enum):\n    A = 1\n", "other_place")

    written = encode(other.E.A, "it", __name__)

    assert written["class"] == ["other_place", "E"]
    assert decode(written, None) is other.E.A


def test_the_tasks_own_classes_are_told():
    value = {"a": [Plain.Inner.ONE, (Frozen(()),)], "b": dt.date(2026, 1, 1)}

    assert own_names(encode(value, "it", __name__)) == {"Plain", "Frozen"}
    assert own_names(encode(value, "it", "elsewhere")) == set()
    assert own_names({"$type": 1, "x": {"class": ["", "No"]}}) == set()
