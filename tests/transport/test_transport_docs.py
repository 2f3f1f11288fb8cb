"""The page on SSH explains the sentences that there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "ssh.md").read_text()
SOURCE = "".join(
    re.sub(r'"\s+f?"', "", file.read_text())
    for file in sorted((ROOT / "nemorun_discover" / "transport").glob("*.py"))
)
SAID = re.findall(
    r"`([^`]+)`", " ".join(re.findall(r"(?m)^\| (`.+?`) \|", PAGE.partition("it says")[2]))
)


@pytest.mark.parametrize("sentence", SAID)
def test_what_the_page_explains_is_what_is_said(sentence):
    parts = [part.strip(" ,") for part in re.split(r"\.\.\.|FILE:LINE|[;:] ", sentence)]

    assert parts
    assert [part for part in parts if part not in SOURCE] == []


def test_the_page_explains_all_of_them():
    assert len(SAID) > 15
