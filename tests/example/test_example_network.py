"""The example project's network: it learns, keeps what it learnt, and is judged."""

from __future__ import annotations

import pytest
from digits.data import CLASSES, PIXELS, Image, load_digits, split_digits
from digits.network import Network, learn, load_network, new_network, probabilities, save_network
from digits.scoring import draw_confusion, score
from digits.training import train_epochs


@pytest.fixture
def network() -> Network:
    return new_network(PIXELS, 8, CLASSES, seed=0)


@pytest.fixture
def judge() -> Network:
    """A network of one input that says 0 when it is white and 1 when it is black."""
    rows = [[0.0, 5.0], [10.0, 0.0], *([0.0, -50.0] for _ in range(CLASSES - 2))]
    return Network(hidden=[[1.0, 0.0]], output=rows)


def numeric_slope(network, row, column, image):
    """How the loss changes with one hidden weight, from two losses beside it."""
    nudge, losses = 1e-6, []
    for sign in (1, -1):
        shifted = Network(*([list(each) for each in layer] for layer in network))
        shifted.hidden[row][column] += sign * nudge
        losses.append(learn(shifted, *image, learning_rate=0.0))
    return (losses[0] - losses[1]) / (2 * nudge)


def test_two_epochs_read_most_held_out_digits():
    split = split_digits(load_digits())
    network = new_network(PIXELS, 16, CLASSES, seed=0)

    passes = train_epochs(network, split.training, learning_rate=0.05, epochs=2, seed=0)
    losses = [epoch.loss for epoch in passes]

    assert losses[1] < losses[0]
    assert score(network, split.held_out).accuracy > 0.85


def test_the_same_seed_gives_the_same_network():
    images = load_digits()[:100]
    twins = [new_network(PIXELS, 4, CLASSES, seed=3) for _ in range(2)]

    for twin in twins:
        list(train_epochs(twin, images, learning_rate=0.05, epochs=2, seed=5))

    assert twins[0] == twins[1]


@pytest.mark.parametrize(
    ("first_weights", "order"), [(4, 5), (3, 6)], ids=["first-weights", "order-of-images"]
)
def test_another_seed_gives_another_network(first_weights, order):
    images = load_digits()[:100]
    base = new_network(PIXELS, 4, CLASSES, seed=3)
    other = new_network(PIXELS, 4, CLASSES, seed=first_weights)

    list(train_epochs(base, images, learning_rate=0.05, epochs=1, seed=5))
    list(train_epochs(other, images, learning_rate=0.05, epochs=1, seed=order))

    assert base != other


def test_training_leaves_the_order_of_the_images_alone(network):
    images = load_digits()[:50]
    before = list(images)

    list(train_epochs(network, images, learning_rate=0.05, epochs=1, seed=0))

    assert images == before


def test_epochs_are_counted_from_one(network):
    images = load_digits()[:10]

    numbers = [
        epoch.number
        for epoch in train_epochs(network, images, learning_rate=0.05, epochs=3, seed=0)
    ]

    assert numbers == [1, 2, 3]


def test_a_step_follows_the_slope_of_the_loss(network):
    """A step divided by the rate is the loss's derivative; that of idle units is zero."""
    image = load_digits()[0]
    column, rate = 11, 1e-3
    slopes = [numeric_slope(network, row, column, image) for row in range(8)]
    before = [row[column] for row in network.hidden]

    learn(network, *image, learning_rate=rate)

    steps = [(old - row[column]) / rate for old, row in zip(before, network.hidden, strict=True)]
    assert steps == pytest.approx(slopes, rel=1e-3, abs=1e-9)
    assert any(slopes)


def test_probabilities_add_up_to_one(network):
    answer = probabilities(network, load_digits()[0].pixels)

    assert sum(answer) == pytest.approx(1.0)
    assert len(answer) == CLASSES


def test_a_saved_network_comes_back_exactly(network, tmp_path):
    path = tmp_path / "network.json"

    save_network(network, path)

    assert load_network(path) == network


def test_a_score_counts_right_and_wrong_answers(judge):
    images = [Image((0.0,), 0), Image((1.0,), 1), Image((1.0,), 0), Image((0.0,), 0)]

    found = score(judge, images)

    assert found.accuracy == 0.75
    assert found.confusion[0][:2] == [2, 1]
    assert found.confusion[1][:2] == [0, 1]


def test_a_score_is_worse_for_a_confident_mistake(judge):
    right = score(judge, [Image((1.0,), 1)])
    wrong = score(judge, [Image((1.0,), 0)])

    assert wrong.loss == pytest.approx(5.0, abs=0.1)
    assert right.loss == pytest.approx(0.0, abs=0.1)


def test_a_drawn_confusion_has_a_row_per_digit_and_dots_for_zero():
    confusion = [[0] * CLASSES for _ in range(CLASSES)]
    confusion[3][8] = 12

    lines = draw_confusion(confusion).splitlines()

    assert len(lines) == 2 + CLASSES
    assert lines[5].split() == ["3", *["."] * 8, "12", "."]
    assert lines[1].split() == [str(digit) for digit in range(CLASSES)]
