from __future__ import annotations

import pytest

from nemorun_discover.discovery.values import canonical, check_json
from nemorun_discover.errors import UsageError


def check(value, spec):
    return check_json(value, spec, name="x", where="task train, params of [tasks.train]")


@pytest.mark.parametrize(
    ("annotation", "value", "expected"),
    [
        ("int", 1, 1),
        ("float", 1, 1.0),
        ("float", 0.5, 0.5),
        ("bool", True, True),
        ("str", "a,b", "a,b"),
        ("Path", "~/x", "~/x"),
        ("None", None, None),
        ("Any", {"a": [1, None]}, {"a": [1, None]}),
        ("Optimizer", "adam", "adam"),
        ("int | None", None, None),
        ("int | bool", True, True),
        ("float | str", 1, 1.0),
        ("float | int", 1, 1),
        ("Literal['a', 1]", 1, 1),
        ("list[float]", [1, 2.5], [1.0, 2.5]),
        ("list[int]", (1, 2), [1, 2]),
        ("list", [1, "a"], [1, "a"]),
        ("tuple[int, str]", [1, "a"], [1, "a"]),
        ("dict[str, float]", {"a": 1}, {"a": 1.0}),
        ("dict[int, str]", {"1": "a"}, {"1": "a"}),
        ("dict", {"a": 1}, {"a": 1}),
    ],
    ids=str,
)
def test_a_value_of_the_type_is_kept_in_the_form_it_is_sent_in(
    type_of, annotation, value, expected
):
    found = check(value, type_of(annotation))

    assert found == expected
    assert repr(found) == repr(expected)


@pytest.mark.parametrize(
    ("annotation", "value", "finding"),
    [
        ("int", "1", "'1' is not an int"),
        ("int", 1.0, "1.0 is not an int"),
        ("int", True, "True is not an int"),
        ("float", "1", "'1' is not a float"),
        ("float", True, "True is not a float"),
        ("float", 10**400, "1000"),
        ("float", float("inf"), "inf is not a number that JSON can hold"),
        ("Any", [float("nan")], "nan is not a number that JSON can hold"),
        ("bool", 1, "1 is not a bool"),
        ("str", 1, "1 is not a str"),
        ("Path", ["a"], "['a'] is not a Path"),
        ("None", 0, "0 is not a None"),
        ("int | None", "x", "'x' is not an int | None"),
        ("Literal['a', 1]", True, "True is not a Literal['a', 1]"),
        ("list[int]", "ab", "'ab' is not a list[int]"),
        ("list[int]", [1, "a"], "'a' is not an int"),
        ("tuple[int, str]", [1], "[1] is not a tuple[int, str]: it has 1 items"),
        ("dict[str, int]", [], "[] is not a dict[str, int]"),
        ("dict[int, str]", {"a": "b"}, "'a' is not an int"),
        ("str", "a\0b", "'a\\x00b' holds a NUL"),
        ("Any", {"a\0": 1}, "'a\\x00' holds a NUL"),
        ("str", "\ud800", "'\\ud800' is not valid UTF-8"),
    ],
    ids=str,
)
def test_a_value_of_another_type_is_refused_with_its_origin(type_of, annotation, value, finding):
    with pytest.raises(UsageError) as caught:
        check(value, type_of(annotation))

    assert caught.value.message.startswith(f"x: {finding}")
    assert caught.value.message.endswith("(task train, params of [tasks.train])")


def test_an_enum_takes_the_name_of_a_member(color):
    assert check("red", color) == "RED"


@pytest.mark.parametrize("value", ["blue", 1, None], ids=str)
def test_an_enum_takes_nothing_else(color, value):
    with pytest.raises(UsageError, match=r"is not a Color \(RED, GREEN or green\)"):
        check(value, color)


def test_a_dataclass_takes_a_table_of_its_fields(model):
    assert check({"depth": 1, "rates": [1]}, model) == {"depth": 1, "rates": [1.0]}


@pytest.mark.parametrize(
    ("value", "finding"),
    [
        ({}, "Model needs a value for depth"),
        ({"depth": 1, "nam": "x"}, "Model has no field 'nam'; did you mean name?"),
        ({"depth": "1"}, "'1' is not an int"),
        ([1], r"\[1\] is not a Model"),
    ],
    ids=str,
)
def test_a_dataclass_refuses_a_wrong_table(model, value, finding):
    with pytest.raises(UsageError, match=finding):
        check(value, model)


@pytest.mark.parametrize(
    ("one", "other", "are_equal"),
    [
        (1, 1.0, True),
        ([1, {"a": 2.0}], [1.0, {"a": 2}], True),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        ((1,), [1], True),
        (1, True, False),
        (0, False, False),
        (1, "1", False),
        (None, False, False),
        (0.1, 0.2, False),
        ([1, 2], [2, 1], False),
    ],
    ids=str,
)
def test_values_are_equal_as_json_is(one, other, are_equal):
    assert (canonical(one) == canonical(other)) is are_equal
