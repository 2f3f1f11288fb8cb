"""Stochastic gradient descent: one image at a time, in an order drawn from the seed."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, NamedTuple

from digits.network import learn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from digits.data import Image
    from digits.network import Network


class Epoch(NamedTuple):
    """One pass over the training images; the loss is the mean while it learnt, in nats."""

    number: int
    loss: float


def train_epochs(
    network: Network, images: list[Image], *, learning_rate: float, epochs: int, seed: int
) -> Iterator[Epoch]:
    """Teach the network, and say after each epoch how it went.

    Args:
        network: Changed in place.
        images: What it learns from; the list itself keeps its order.
        learning_rate: Of the first epoch; it falls in a straight line, so that the last steps are small.
        epochs: How often each image is shown.
        seed: Of the order in which the images are shown.

    Yields:
        One Epoch after each pass, counted from 1.
    """
    draw = random.Random(seed)
    order = list(images)
    for number in range(1, epochs + 1):
        draw.shuffle(order)
        rate = learning_rate * (1 - (number - 1) / epochs)
        losses = [learn(network, pixels, label, learning_rate=rate) for pixels, label in order]
        yield Epoch(number, sum(losses) / len(losses))
