"""`run.Partial`: a function with arguments by name."""

from __future__ import annotations

import functools

import pytest

import nemorun as run
from nemorun_discover.api.signature import check_complete
from nemorun_discover.errors import UsageError


def train(model, lr: float = 0.1, *, steps=3):
    return model, lr, steps


def anything(a, *rest, **more): ...


def by_position(a, /, b=1): ...


def test_arguments_are_kept_by_name_in_the_signatures_order():
    task = run.Partial(train, "big", steps=5, lr=1)

    assert list(task.arguments.items()) == [("model", "big"), ("lr", 1), ("steps", 5)]
    assert repr(task) == "Partial(train, model='big', lr=1, steps=5)"


def test_another_partials_arguments_are_taken_over():
    first = functools.partial(functools.partial(train, "big"), lr=1)

    task = run.Partial(run.Partial(first, steps=2), lr=3)

    assert task == run.Partial(train, "big", lr=3, steps=2)
    assert task.fn is train


def test_arguments_are_attributes():
    task = run.Partial(train, "big")

    task.lr = 5
    del task.model

    assert (task.lr, task.steps, task.arguments) == (5, 3, {"lr": 5})


def test_a_clone_goes_its_own_way():
    task = run.Partial(train, {"layers": [1]})

    other = task.clone()
    other.model["layers"].append(2)
    other.lr = 7

    assert task == run.Partial(train, {"layers": [1]})
    assert other != task


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: run.Partial(train, rl=1), "train has no argument 'rl'"),
        (
            lambda: run.Partial(train, 1, 2, 3),
            "train takes 2 arguments that can be given by name, and 3",
        ),
        (
            lambda: run.Partial(anything, 1, 2),
            "anything takes 1 argument that can be given by name, and 2",
        ),
        (lambda: run.Partial(by_position, 1, 2), "by_position takes 1 argument that can be given"),
        (lambda: run.Partial(train, 1, model=2), "train got 'model' by position and by name"),
        (lambda: run.Partial(5), "run.Partial takes a function, and got 5"),
        (lambda: setattr(run.Partial(train), "rl", 1), "train has no argument 'rl'"),
        (lambda: delattr(run.Partial(train), "lr"), "train was given no argument 'lr'"),
        (lambda: run.Partial(min, 1), "min does not tell which arguments it takes"),
    ],
    ids=[
        "unknown",
        "too-many",
        "star",
        "slash",
        "twice",
        "no-function",
        "set",
        "delete",
        "builtin",
    ],
)
def test_what_does_not_fit_is_refused_at_once(make, sentence):
    with pytest.raises(UsageError) as caught:
        make()

    assert sentence in caught.value.message


def test_a_misspelt_name_is_understood():
    with pytest.raises(UsageError) as caught:
        run.Partial(train, modle=1)

    assert caught.value.hint == "did you mean model?"


def test_an_argument_that_was_not_given_is_no_attribute():
    with pytest.raises(AttributeError, match="train was given no argument 'model'"):
        _ = run.Partial(train).model


def test_more_arguments_by_name_are_taken_where_the_function_takes_them():
    task = run.Partial(anything, 1, b=2)

    check_complete(task.fn, task.arguments)

    assert task.arguments == {"a": 1, "b": 2}


@pytest.mark.parametrize(
    ("task", "sentence"),
    [
        (run.Partial(train), "train needs 'model', which is not given"),
        (run.Partial(by_position), "by_position takes 'a' by position only"),
    ],
    ids=["missing", "slash"],
)
def test_what_is_missing_is_named(task, sentence):
    with pytest.raises(UsageError) as caught:
        check_complete(task.fn, task.arguments)

    assert caught.value.message.startswith(sentence)
