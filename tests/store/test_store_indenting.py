"""JSON on many lines, as the standard library would write it."""

from __future__ import annotations

import json
import math

import pytest

from nemorun_discover.store.indenting import indented

DOCUMENTS = {
    "usual": {"jobs": [{"a": 1, "b": 2.5, "c": None, "d": True}, {}], "none": [], "of": {"x": {}}},
    "numbers": {"small": 1e-300, "large": 10**30, "negative": -0.0, "more": 0.1 + 0.2},
    "words": {"é 漢": 'a "quoted"\\word\n\t', "empty": ""},
    "not a number": {"loss": [math.nan, math.inf, -math.inf]},
    "half of a character": {"path": "a\udce9b"},
}


@pytest.mark.parametrize("is_ascii", [True, False], ids=["ascii", "unicode"])
@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)
def test_a_document_is_indented_as_the_standard_library_would(document, is_ascii):
    line = json.dumps(document, ensure_ascii=is_ascii)

    assert indented(line) == json.dumps(document, indent=2, ensure_ascii=is_ascii)
