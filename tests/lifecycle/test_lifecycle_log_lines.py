"""Lines of a log, picked by what is in them and by who wrote them."""

from __future__ import annotations

import pytest

from nemorun_discover.errors import UsageError
from nemorun_discover.lifecycle.log_lines import is_wanted, pick_lines, wanted_of
from nemorun_discover.lifecycle.logs import LogPiece

LINES = [
    b"0: loss 1.0",
    b"1: loss 2.0",
    b" 1: done",
    b"[default3]:loss 4.0",
    b"[1] node",
    b"1: [default5]:loss 6.0",
    b"[1] [default6]:loss 7.0",
    b"no rank",
]


def picked(grep=None, rank=None) -> list[bytes]:
    pieces = [LogPiece(job="a", attempt=1, text=line) for line in LINES]
    return [piece.text for piece in pick_lines(pieces, wanted_of(grep, rank))]


def test_without_a_wish_every_line_is_wanted():
    assert picked() == LINES


def test_a_rank_gets_its_own_lines_as_srun_torchrun_and_skypilot_mark_them():
    assert picked(rank=1) == [b"1: loss 2.0", b" 1: done", b"[1] node"]
    assert picked(rank=3) == [b"[default3]:loss 4.0"]


def test_torchruns_number_counts_where_a_node_has_marked_the_line_too():
    assert picked(rank=5) == [b"1: [default5]:loss 6.0"]
    assert picked(grep="^loss", rank=6) == [b"[1] [default6]:loss 7.0"]


def test_an_expression_is_searched_for_in_the_line():
    assert picked(grep=r"loss [12]") == [b"0: loss 1.0", b"1: loss 2.0"]


def test_with_a_rank_its_number_is_no_part_of_the_line():
    assert picked(grep="^loss", rank=1) == [b"1: loss 2.0"]


def test_bytes_that_are_no_text_can_be_searched():
    assert is_wanted(b"caf\xe9 loss", wanted_of("loss", None))


def test_what_is_no_expression_is_a_sentence():
    with pytest.raises(UsageError, match="--grep"):
        wanted_of("loss(", None)
