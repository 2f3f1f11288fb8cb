"""A classifier with one hidden layer: what it computes, how it learns, how it is kept."""

from __future__ import annotations

import json
import math
import random
from operator import mul
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    Matrix = list[list[float]]


class Network(NamedTuple):
    """Two layers of weights, changed in place by `learn`.

    Attributes:
        hidden: One row per hidden unit: a weight per input, then the bias.
        output: One row per class: a weight per hidden unit, then the bias.
    """

    hidden: Matrix
    output: Matrix


def new_network(inputs: int, hidden: int, classes: int, *, seed: int) -> Network:
    """A network that has learnt nothing: random weights (He et al. 2015), biases of zero."""
    draw = random.Random(seed)
    return Network(
        hidden=[_new_row(inputs, draw) for _ in range(hidden)],
        output=[_new_row(hidden, draw) for _ in range(classes)],
    )


def probabilities(network: Network, pixels: Sequence[float]) -> list[float]:
    """How likely each class is; the sum is 1."""
    return _softmax(_sums(network.output, _activations(network, (*pixels, 1.0))))


def learn(network: Network, pixels: Sequence[float], label: int, *, learning_rate: float) -> float:
    """One step of gradient descent on one image.

    Returns:
        The cross-entropy loss in nats before the step.
    """
    inputs = (*pixels, 1.0)
    activations = _activations(network, inputs)
    errors = _softmax(_sums(network.output, activations))
    loss = -math.log(max(errors[label], 1e-12))
    errors[label] -= 1.0
    # The errors go back through the output weights as they were, so before these change.
    blame = [
        sum(map(mul, errors, column)) if active > 0.0 else 0.0
        for active, column in zip(activations, zip(*network.output))
    ]
    _descend(network.output, errors, activations, learning_rate)
    _descend(network.hidden, blame, inputs, learning_rate)
    return loss


def save_network(network: Network, path: Path) -> None:
    """Write the weights as JSON, which keeps every float exactly."""
    path.write_text(json.dumps(network._asdict()), encoding="utf-8")


def load_network(path: Path) -> Network:
    """Read what `save_network` wrote."""
    return Network(**json.loads(path.read_text(encoding="utf-8")))


def _new_row(inputs: int, draw: random.Random) -> list[float]:
    spread = math.sqrt(2.0 / inputs)
    return [*(draw.gauss(0.0, spread) for _ in range(inputs)), 0.0]


def _activations(network: Network, inputs: Sequence[float]) -> list[float]:
    """What the hidden units say (ReLU), and a last 1 that the biases are multiplied with."""
    return [*(max(0.0, total) for total in _sums(network.hidden, inputs)), 1.0]


def _sums(rows: Matrix, inputs: Sequence[float]) -> list[float]:
    return [sum(map(mul, row, inputs)) for row in rows]


def _softmax(scores: list[float]) -> list[float]:
    top = max(scores)
    powers = [math.exp(score - top) for score in scores]
    total = sum(powers)
    return [power / total for power in powers]


def _descend(rows: Matrix, blame: list[float], inputs: Sequence[float], rate: float) -> None:
    # blame may end with the bias unit's share, which has no row and is left over by zip.
    for row, share in zip(rows, blame):
        if share:
            step = rate * share
            row[:] = [weight - step * value for weight, value in zip(row, inputs)]
