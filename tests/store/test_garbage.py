"""The garbage collector, held back."""

from __future__ import annotations

import gc

import pytest

from nemorun_discover.garbage import without_gc


@pytest.mark.parametrize("was_enabled", [True, False], ids=["on", "off"])
def test_the_collector_is_as_it_was_after_it_was_held_back(was_enabled):
    (gc.enable if was_enabled else gc.disable)()

    with without_gc():
        inside = gc.isenabled()

    after = gc.isenabled()
    gc.enable()
    assert (inside, after) == (False, was_enabled)
