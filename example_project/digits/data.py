"""The handwritten digits: where they lie, how they are read, which are held out."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path
from typing import NamedTuple

DIGITS_FILE = Path(__file__).parent.parent / "data" / "digits.csv.gz"
PIXELS = 64
CLASSES = 10

# A pixel counts the dark dots of a 4x4 block of the scan, so 16 is black.
_BLACK = 16

# Every fifth image is held out; the images lie in the order in which thirteen people wrote them,
# so each of them is in both parts.
_HOLD_OUT_EVERY = 5


class Image(NamedTuple):
    """One digit: 64 pixels row by row, from 0 (white) to 1 (black), and what was written."""

    pixels: tuple[float, ...]
    label: int


class Split(NamedTuple):
    """The images a model learns from, and those it has never seen."""

    training: list[Image]
    held_out: list[Image]


def load_digits(path: Path = DIGITS_FILE) -> list[Image]:
    """The images of a gzipped CSV file, in its order; a row is 64 pixels and the label."""
    with gzip.open(path, "rt", encoding="ascii", newline="") as lines:
        return [_image(row) for row in csv.reader(lines)]


def split_digits(images: list[Image]) -> Split:
    """Four fifths to learn from, and the rest.

    The cut does not depend on a seed: every model is judged by the same images.
    """
    training = [image for index, image in enumerate(images) if index % _HOLD_OUT_EVERY]
    return Split(training, images[::_HOLD_OUT_EVERY])


def _image(row: list[str]) -> Image:
    *pixels, label = (int(cell) for cell in row)
    return Image(tuple(pixel / _BLACK for pixel in pixels), label)
