"""What a script shows when the API refuses something."""

from __future__ import annotations

import pytest

from nemorun_discover.api.plainly import plain_methods, plainly
from nemorun_discover.errors import UsageError


@plainly
def outer():
    inner()


def inner():
    try:
        int("cause")
    except ValueError as error:
        raise UsageError("no", hint="yes") from error


def test_the_error_begins_where_the_caller_stands():
    with pytest.raises(UsageError) as raised:
        outer()

    assert [entry.name for entry in raised.traceback] == [
        "test_the_error_begins_where_the_caller_stands",
        "call",
    ]
    assert raised.value.__cause__ is None
    assert raised.value.__notes__ == ["hint: yes"]


def test_a_hint_is_said_once_however_many_calls_it_goes_through():
    with pytest.raises(UsageError) as raised:
        plainly(outer)()

    assert raised.value.__notes__ == ["hint: yes"]


def test_other_errors_keep_what_led_to_them():
    def fail():
        raise KeyError("a bug")

    with pytest.raises(KeyError) as raised:
        plainly(fail)()

    assert raised.traceback[-1].name == "fail"


def test_public_methods_of_a_class_are_plain_and_others_are_as_they_were():
    @plain_methods
    class Thing:
        def ask(self):
            inner()

        @classmethod
        def make(cls):
            inner()

        def _own(self):
            inner()

    for call, last in ((Thing().ask, "call"), (Thing.make, "call"), (Thing()._own, "inner")):
        with pytest.raises(UsageError) as raised:
            call()

        assert raised.traceback[-1].name == last
