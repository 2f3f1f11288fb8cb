"""The driver's rest between two looks."""

from __future__ import annotations

import subprocess
import sys

PATIENCE_S = 60
ENDED_BY_A_THREAD = """
import threading
from nemorun_discover.lifecycle.drive import _Rest
rest = _Rest()
threading.Timer(0.1, rest.end).start()
rest.begin(3600)
"""
ENDED_BEFORE_IT_BEGAN = """
from nemorun_discover.lifecycle.drive import _Rest
rest = _Rest()
for _ in range(100_000):  # more than a pipe holds
    rest.end()
rest.begin(3600)
"""


def run(text: str) -> int:
    # In a process of its own: a rest takes over the signal of children that end.
    done = subprocess.run([sys.executable, "-c", text], check=False, timeout=PATIENCE_S)
    return done.returncode


def test_a_thread_with_news_ends_it():
    assert run(ENDED_BY_A_THREAD) == 0


def test_news_that_came_before_it_are_not_slept_over():
    assert run(ENDED_BEFORE_IT_BEGAN) == 0
