from __future__ import annotations

import json

import pytest

from nemorun_discover.discovery.values import convert, split_values
from nemorun_discover.errors import UsageError
from nemorun_discover.model.task import TypeKind, TypeSpec

HOSTILE = [
    "a b",
    " a ",
    "it's",
    'say "hi" now',
    "a\nb\n",
    "a;rm -rf /",
    "$HOME",
    "`id`",
    "\N{FIRE}\N{SNOWMAN}",
    "\\n",
    "a=b",
    "[a",
    "a]",
    ":)",
    "(:",
    "'",
    '"',
    "''x''",
    "%s{}",
    "\x1b[31m",
    "x" * 10_000,
    "-1",
    "null",
    "",
]


def short(value):
    return ascii(value)[:24]


def read(text, spec):
    return convert(text, spec, name="x", task="train")


@pytest.mark.parametrize(
    ("annotation", "text", "expected"),
    [
        ("int", "1", 1),
        ("int", "-7", -7),
        ("int", "+7", 7),
        ("int", " 7 ", 7),
        ("int", "1_000", 1000),
        ("int", "007", 7),
        ("int", "0x1F", 31),
        ("float", "1e-4", 1e-4),
        ("float", "1", 1.0),
        ("float", ".5", 0.5),
        ("float", "5.", 5.0),
        ("float", "-1_000.5", -1000.5),
        ("bool", "true", True),
        ("bool", "YES", True),
        ("bool", "on", True),
        ("bool", "1", True),
        ("bool", "False", False),
        ("bool", "no", False),
        ("bool", "off", False),
        ("bool", "0", False),
        ("str", "1", "1"),
        ("str", "'a,b'", "a,b"),
        ("str", '" a "', " a "),
        ("str", "''", ""),
        ("str", "'it's'", "'it's'"),
        ("str", "'a'b'c'", "'a'b'c'"),
        ("Path", "~/a b/c", "~/a b/c"),
        ("Path", "../x", "../x"),
        ("None", "none", None),
        ("int | None", "None", None),
        ("int | None", "null", None),
        ("int | None", "3", 3),
        ("str | None", "none", None),
        ("str | None", "'none'", "none"),
        ("str | int", "3", 3),
        ("str | int", "'3'", "3"),
        ("str | float | int", "1.5", 1.5),
        ("str | float | int", "1", 1),
        ("str | bool", "true", True),
        ("str | bool", "truth", "truth"),
        ("Literal['a', 1, True, None]", "a", "a"),
        ("Literal['a', 1, True, None]", "1", 1),
        ("Literal['a', 1, True, None]", "true", True),
        ("Literal['a', 1, True, None]", "none", None),
        ("Literal['auto'] | int", "auto", "auto"),
        ("Literal['auto'] | int", "4", 4),
        ("list[int]", "[1,2]", [1, 2]),
        ("list[int]", "(1, 2,)", [1, 2]),
        ("list[int]", "[]", []),
        ("list[str]", "[a,b]", ["a", "b"]),
        ("list[str]", "[1, true]", ["1", "true"]),
        ("list[str]", "['a,b', \"c\"]", ["a,b", "c"]),
        ("list[str]", r'["a\nb\u00e9", "\"", "\\"]', ["a\nb\u00e9", '"', "\\"]),
        ("list[str]", r"""['it\'s', 'say "hi"']""", ["it's", 'say "hi"']),
        ("list[str]", "[it's, b]", ["it's", "b"]),
        ("list[str]", '["", a]', ["", "a"]),
        ("list[list[int]]", "[[1],[2,3],[]]", [[1], [2, 3], []]),
        ("list[int | None]", "[1,null]", [1, None]),
        ("list", "[1, 'a', [true]]", [1, "a", [True]]),
        ("tuple[int, str]", "(1, a)", [1, "a"]),
        ("tuple", "(1, 2.5)", [1, 2.5]),
        ("dict[str, int]", "{a: 1, 'b c': 2}", {"a": 1, "b c": 2}),
        ("dict[str, int]", "{}", {}),
        ("dict[str, str]", "{a: 'x, y', b: C:/d}", {"a": "x, y", "b": "C:/d"}),
        ("dict[str, list[int]]", '{"a": [1, 2]}', {"a": [1, 2]}),
        ("dict[int, str]", "{1: a}", {"1": "a"}),
        ("dict", "{a: 1}", {"a": 1}),
        ("list[int] | None", "[1]", [1]),
        ("Any", "1", 1),
        ("Any", "0x10", 16),
        ("Any", "1e-4", 1e-4),
        ("Any", "true", True),
        ("Any", "None", None),
        ("Any", "[1, 'a', {\"b\": [null]}]", [1, "a", {"b": [None]}]),
        ("Any", "(1, 2)", [1, 2]),
        ("Any", "[a, b]", "[a, b]"),
        ("Any", "{a: 1}", "{a: 1}"),
        ("Any", "(1)", "(1)"),
        ("Any", "[a-z]", "[a-z]"),
        ("Any", "007", "007"),
        ("Any", "nan", "nan"),
        ("Any", "inf", "inf"),
        ("Any", "1e999", "1e999"),
        ("Any", "yes", "yes"),
        ("Any", "'1'", "1"),
        ("Any", "hello, world", "hello, world"),
        ("Any", "1.2.3", "1.2.3"),
    ],
    ids=short,
)
def test_text_becomes_a_value_of_the_type(type_of, annotation, text, expected):
    value = read(text, type_of(annotation))

    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize("text", HOSTILE, ids=short)
@pytest.mark.parametrize("annotation", ["str", "Path", "int | str"], ids=str)
def test_text_arrives_byte_for_byte(type_of, annotation, text):
    expected = -1 if (annotation, text) == ("int | str", "-1") else text

    value = read(text, type_of(annotation))

    assert value == expected


@pytest.mark.parametrize("text", [one for one in HOSTILE if one not in ("null", "-1")], ids=short)
def test_text_without_a_type_arrives_byte_for_byte(type_of, text):
    assert read(text, type_of("Any")) == text


@pytest.mark.parametrize("text", HOSTILE, ids=short)
def test_text_quoted_as_json_in_a_list_arrives_byte_for_byte(type_of, text):
    value = read(json.dumps([text, text]), type_of("list[str]"))

    assert value == [text, text]


@pytest.mark.parametrize(
    ("annotation", "text", "finding"),
    [
        ("float", "abc", "'abc' is not a float"),
        ("float", "", "'' is not a float"),
        ("float", "nan", "'nan' is not a float"),
        ("float", "inf", "'inf' is not a float"),
        ("float", "1e999", "'1e999' is not a float"),
        ("float", "'1'", "'1' is not a float"),
        ("float", "\u0663", "'\u0663' is not a float"),
        ("int", "1.0", "'1.0' is not an int"),
        ("int", "1e3", "'1e3' is not an int"),
        ("int", "1__0", "'1__0' is not an int"),
        ("int", "9" * 5000, "'9999"),
        ("bool", "2", "'2' is not a bool"),
        ("None", "x", "'x' is not a None"),
        ("int | None", "x", "'x' is not an int | None"),
        ("int | None", "'3'", "'3' is not an int | None"),
        ("Literal['a', 1]", "A", "'A' is not a Literal['a', 1]"),
        ("list[int]", "1", "'1' is not a list[int]"),
        ("list[int]", "[1", "'[1' is not a list[int]"),
        ("list[int]", "[1)", "'[1)' is not a list[int]"),
        ("list[int]", "[1][2]", "'[1][2]' is not a list[int]"),
        ("list[int]", "[1,x]", "'x' is not an int, in '[1,x]'"),
        ("list[int]", "[1,,2]", "item 2 of the list is empty, in '[1,,2]'"),
        ("list[int]", "[" * 20_000 + "]" * 20_000, "'[[[["),
        ("list[str]", "['a, b]", "' at character 2 is never closed, and ',' follows it"),
        ("tuple[int, str]", "(1, a, b)", "'(1, a, b)' is not a tuple[int, str]: it has 3 items"),
        ("dict[str, int]", "{a}", "'{a}' is not a dict[str, int]: 'a' has no value"),
        (
            "dict[str, int]",
            "{a: 1, a: 2}",
            "'{a: 1, a: 2}' is not a dict[str, int]: 'a' is there twice",
        ),
        ("dict[str, int]", "[1]", "'[1]' is not a dict[str, int]"),
        ("dict[int, str]", "{x: a}", "'x' is not an int, in '{x: a}'"),
        (
            "Optimizer",
            "adam",
            "'adam' cannot be turned into Optimizer, a type that text has no form for",
        ),
        ("str", "a\0b", "'a\\x00b' holds a NUL character, which cannot be sent"),
        ("Any", '["\\u0000"]', "'\\x00' holds a NUL character, which cannot be sent"),
        ("str", "a\udcff", "'a\\udcff' is not valid UTF-8"),
        ("list[str]", '["\\ud800"]', "'\\ud800' is not valid UTF-8"),
    ],
    ids=short,
)
def test_text_of_another_type_is_refused_by_parameter_value_and_type(
    type_of, annotation, text, finding
):
    with pytest.raises(UsageError) as caught:
        read(text, type_of(annotation))

    assert caught.value.message.startswith(f"x: {finding}")
    assert caught.value.message.endswith(" (task train)")
    assert len(caught.value.message) < 250


@pytest.mark.parametrize(
    ("text", "expected"),
    [("RED", "RED"), ("red", "RED"), ("green", "green"), ("GREEN", "GREEN"), ("'RED'", "RED")],
    ids=str,
)
def test_an_enum_member_is_found_by_name_and_by_case_only_when_there_is_doubt(
    color, text, expected
):
    assert read(text, color) == expected


@pytest.mark.parametrize("text", ["Green", "purple", ""], ids=short)
def test_a_name_that_is_no_enum_member_is_refused_with_the_members(color, text):
    with pytest.raises(UsageError) as caught:
        read(text, color)

    assert caught.value.message == f"x: {text!r} is not a Color (RED, GREEN or green) (task train)"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{depth: 3}", {"depth": 3}),
        ("{depth: 3, name: a b}", {"depth": 3, "name": "a b"}),
        ('{"depth": 3, "name": "a, b"}', {"depth": 3, "name": "a, b"}),
        ("{name: x, rates: [1, 2], depth: 0}", {"name": "x", "rates": [1.0, 2.0], "depth": 0}),
    ],
    ids=short,
)
def test_a_dataclass_is_read_by_its_fields(model, text, expected):
    assert read(text, model) == expected


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("{}", "Model needs a value for depth (int), in '{}'"),
        ("{dpeth: 3}", "Model has no field 'dpeth'; did you mean depth?, in '{dpeth: 3}'"),
        ("{depth: x}", "'x' is not an int, in '{depth: x}'"),
        ("{depth: 1, rates: [a]}", "'a' is not a float, in '{depth: 1, rates: [a]}'"),
        ("3", "'3' is not a Model"),
    ],
    ids=short,
)
@pytest.mark.parametrize("is_optional", [False, True], ids=["plain", "optional"])
def test_a_wrong_dataclass_is_refused_by_field(model, text, finding, is_optional):
    none = TypeSpec(kind=TypeKind.NONE, text="None")
    spec = (
        TypeSpec(kind=TypeKind.UNION, text="Model | None", args=(model, none))
        if is_optional
        else model
    )

    with pytest.raises(UsageError) as caught:
        read(text, spec)

    assert caught.value.message == f"x: {finding} (task train)"


def test_a_list_without_brackets_is_told_how_to_be_one(type_of):
    with pytest.raises(UsageError) as caught:
        read("1", type_of("list[int]"))

    assert caught.value.hint == "write a list in brackets: x='[a,b]'"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1", ["1"]),
        ("", [""]),
        (" a ", [" a "]),
        ("1e-3,1e-4", ["1e-3", "1e-4"]),
        ("1e-3 ,\t1e-4", ["1e-3", "1e-4"]),
        ("[1,2],[3,4]", ["[1,2]", "[3,4]"]),
        ("[1,2]", ["[1,2]"]),
        ("{a: 1, b: 2},{}", ["{a: 1, b: 2}", "{}"]),
        ("f(a,b),c", ["f(a,b)", "c"]),
        ("'a,b'", ["'a,b'"]),
        ("'a,b',c", ["'a,b'", "c"]),
        ("'a,b' , \"c,d\"", ["'a,b'", '"c,d"']),
        ("'',a", ["''", "a"]),
        ("it's,that's", ["it's", "that's"]),
        ("a'b,c'd", ["a'b", "c'd"]),
        ("[']',\"]\"],b", ["[']',\"]\"]", "b"]),
        (r"['\'],'],b", [r"['\'],']", "b"]),
        ("a),b", ["a)", "b"]),
        ("a,b :(", ["a", "b :("]),
        ("a,'b", ["a", "'b"]),
        ("'a", ["'a"]),
        ("[a", ["[a"]),
        ("a\nb,c", ["a\nb", "c"]),
        ("x" * 10_000 + ",y", ["x" * 10_000, "y"]),
        ("\N{FIRE},\N{SNOWMAN}", ["\N{FIRE}", "\N{SNOWMAN}"]),
    ],
    ids=short,
)
def test_a_sweep_is_split_at_top_level_commas(text, expected):
    assert split_values(text, name="x") == expected


@pytest.mark.parametrize(
    ("text", "number"), [(",", 1), ("1,", 2), (",1", 1), ("1,,2", 2), ("1, ,2", 2)], ids=short
)
def test_an_empty_value_in_a_sweep_is_refused_by_its_place(text, number):
    with pytest.raises(UsageError, match=rf"^x: value {number} of the list .* is empty$"):
        split_values(text, name="x")


@pytest.mark.parametrize("text", ["'a,b", "[1,2", "1,[2,3", "f(a,b"], ids=short)
def test_a_comma_behind_an_open_quote_or_bracket_is_refused(text):
    with pytest.raises(
        UsageError, match=r"^x: .* is never closed, and ',' follows it, in "
    ) as caught:
        split_values(text, name="x")

    assert caught.value.hint == "quotes keep a comma in one value: x='\"a,b\"'"
