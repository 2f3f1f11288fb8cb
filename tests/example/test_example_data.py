"""The digits file of the example project, and how it is split."""

from __future__ import annotations

import gzip

import pytest
from digits.data import CLASSES, PIXELS, load_digits, split_digits


def test_the_file_holds_1797_images_of_64_pixels_and_a_digit():
    images = load_digits()

    assert len(images) == 1797
    assert {len(image.pixels) for image in images} == {PIXELS}
    assert {image.label for image in images} == set(range(CLASSES))


def test_pixels_go_from_white_to_black_as_0_to_1():
    pixels = [pixel for image in load_digits() for pixel in image.pixels]

    assert min(pixels) == 0.0
    assert max(pixels) == 1.0


def test_a_file_is_read_in_its_own_order(tmp_path):
    path = tmp_path / "two.csv.gz"
    path.write_bytes(gzip.compress(b"0,16,8,7\n4,0,0,1\n"))

    images = load_digits(path)

    assert images == [((0.0, 1.0, 0.5), 7), ((0.25, 0.0, 0.0), 1)]


def test_a_cell_that_is_no_number_is_refused(tmp_path):
    path = tmp_path / "broken.csv.gz"
    path.write_bytes(gzip.compress(b"0,x,7\n"))

    with pytest.raises(ValueError, match="'x'"):
        load_digits(path)


def test_every_image_is_either_learnt_from_or_held_out():
    images = load_digits()

    split = split_digits(images)

    assert len(split.held_out) == 360
    assert sorted(split.training + split.held_out) == sorted(images)


def test_every_digit_is_in_both_parts():
    split = split_digits(load_digits())

    assert {image.label for image in split.training} == set(range(CLASSES))
    assert {image.label for image in split.held_out} == set(range(CLASSES))
