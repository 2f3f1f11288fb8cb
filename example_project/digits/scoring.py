"""How good a network is: accuracy, loss, and which digits it takes for which."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from digits.data import CLASSES
from digits.network import probabilities

if TYPE_CHECKING:
    from digits.data import Image
    from digits.network import Network


class Score(NamedTuple):
    """A network's answers to a set of images.

    Attributes:
        accuracy: The share of right answers, from 0 to 1.
        loss: The mean cross-entropy in nats.
        confusion: How often a written digit (row) was read as a digit (column).
    """

    accuracy: float
    loss: float
    confusion: list[list[int]]


def score(network: Network, images: list[Image]) -> Score:
    """Let the network read every image and count what it says."""
    confusion = [[0] * CLASSES for _ in range(CLASSES)]
    loss = 0.0
    for pixels, label in images:
        answer = probabilities(network, pixels)
        confusion[label][answer.index(max(answer))] += 1
        loss -= math.log(max(answer[label], 1e-12))
    right = sum(confusion[digit][digit] for digit in range(CLASSES))
    return Score(right / len(images), loss / len(images), confusion)


def draw_confusion(confusion: list[list[int]]) -> str:
    """The matrix as text: a row per written digit, a column per digit read, `.` for zero."""
    lines = ["written  read as", "         " + "".join(f"{digit:4}" for digit in range(CLASSES))]
    for digit, counts in enumerate(confusion):
        lines.append(f"{digit:7}  " + "".join(f"{count or '.':>4}" for count in counts))
    return "\n".join(lines)
