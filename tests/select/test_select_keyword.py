from __future__ import annotations

import pytest

from nemorun_discover.discovery.keyword import compile_expression
from nemorun_discover.errors import ExitCode, UsageError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a", True),
        ("z", False),
        ("not a", False),
        ("not z", True),
        ("not not a", True),
        ("a and b", True),
        ("a and z", False),
        ("z or b", True),
        ("a or z and z", True),
        ("(a or z) and z", False),
        ("not z and a", True),
        ("not (z and a)", True),
        ("not z or z", True),
        ("z or not z and a", True),
        ("((((a))))", True),
        ("(a)and(b)", True),
    ],
    ids=str,
)
def test_an_expression_holds_as_in_pytest(text, expected):
    expression = compile_expression(text)

    result = expression.matches({"a", "b"}.__contains__)

    assert result is expected


@pytest.mark.parametrize(
    "word",
    [
        "a_1",
        "lr=0.1",
        "=train",
        "a:b",
        "a+b",
        "a-b",
        "a.b",
        "a[b]",
        "a\\b",
        "a/b",
        "a,b",
        "é",
        "a@b",
        "AND",
    ],
    ids=str,
)
def test_a_word_holds_what_ids_hold(word):
    expression = compile_expression(word)

    assert expression.words == (word,)


def test_the_words_of_an_expression_come_once_and_without_operators():
    expression = compile_expression("a and not (b or a)")

    assert expression.words == ("a", "b")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "at column 1: expected a name, 'not' or '(', found the end"),
        ("   ", "at column 4: expected a name, 'not' or '(', found the end"),
        ("train and", "at column 10: expected a name, 'not' or '(', found the end"),
        ("train eval", "at column 7: expected 'and', 'or' or the end, found 'eval'"),
        ("and train", "at column 1: expected a name, 'not' or '(', found 'and'"),
        ("a or or b", "at column 6: expected a name, 'not' or '(', found 'or'"),
        ("(a", "at column 3: expected ')', found the end"),
        ("((a) and b", "at column 11: expected ')', found the end"),
        ("a)", "at column 2: expected 'and', 'or' or the end, found ')'"),
        ("()", "at column 2: expected a name, 'not' or '(', found ')'"),
        ("a not b", "at column 3: expected 'and', 'or' or the end, found 'not'"),
        ("a & b", "at column 3: expected 'and', 'or' or the end, found '&'"),
        ("'a'", "at column 1: expected a name, 'not' or '('"),
        ("not", "at column 4: expected a name, 'not' or '(', found the end"),
        ("a and =", "at column 7: expected the exact name after '=', found '='"),
        ("tr*", "at column 3: expected 'and', 'or' or the end, found '*'"),
        ("a;rm", "at column 2"),
    ],
    ids=str,
)
def test_a_bad_expression_names_the_column_and_what_was_expected(text, sentence):
    with pytest.raises(UsageError) as caught:
        compile_expression(text)

    assert sentence in caught.value.message
    assert caught.value.message.startswith(f"-k {text!r}: ")
    assert caught.value.exit_code is ExitCode.USAGE


def test_the_error_names_the_option_of_the_expression():
    with pytest.raises(UsageError, match=r"^-m 'a b': "):
        compile_expression("a b", option="-m")


@pytest.mark.parametrize(
    "text", ["not " * 20_000 + "a", "(" * 20_000 + "a" + ")" * 20_000], ids=["not", "("]
)
def test_no_expression_is_too_deep(text):
    expression = compile_expression(text)

    assert expression.matches({"a"}.__contains__) is True
