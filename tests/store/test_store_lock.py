"""The driver's lock: one holder, handed over without a gap."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nemorun_discover.errors import StoreError
from nemorun_discover.store.lock import hold_lock, is_held, try_lock

HOLDER = """
import sys, time
from nemorun_discover.store.lock import hold_lock
print(hold_lock(int(sys.argv[1])), flush=True)
sys.stdin.read()
"""
TAKER = """
import sys
from pathlib import Path
from nemorun_discover.store.lock import try_lock
print(try_lock(Path(sys.argv[1])) is not None)
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "driver.lock"


def another_process_can_take(path):
    answer = subprocess.run(
        [sys.executable, "-c", TAKER, str(path)], capture_output=True, text=True, check=True
    )
    return answer.stdout == "True\n"


def test_one_process_at_a_time_holds_it(path):
    lock = try_lock(path)

    taken_while_held = another_process_can_take(path)
    os.close(lock)

    assert not taken_while_held
    assert another_process_can_take(path)


def test_it_is_known_to_be_held_without_being_taken(path):
    before = is_held(path)
    lock = try_lock(path)
    meanwhile = is_held(path)
    os.close(lock)

    assert (before, meanwhile, is_held(path)) == (False, True, False)
    assert another_process_can_take(path)


def test_the_same_process_does_not_get_it_twice(path):
    lock = try_lock(path)
    before = len(list(Path("/proc/self/fd").iterdir()))

    again = try_lock(path)

    assert again is None
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    os.close(lock)


def test_a_process_that_is_killed_lets_go(path):
    lock = try_lock(path)
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(lock)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        pass_fds=[lock],
    )
    os.close(lock)
    holder.stdout.readline()

    held = another_process_can_take(path)
    holder.kill()
    holder.communicate()

    assert not held
    assert another_process_can_take(path)


def test_it_is_handed_over_without_a_gap(path):
    lock = try_lock(path)
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(lock)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        pass_fds=[lock],
    )
    before = another_process_can_take(path)  # the holder may not have begun yet
    os.close(lock)
    answer = holder.stdout.readline()
    after = another_process_can_take(path)
    holder.communicate("")

    assert (before, answer, after) == (False, "True\n", False)
    assert another_process_can_take(path)


def test_a_lock_that_another_process_has_taken_is_not_held(path):
    stranger = subprocess.Popen(
        [sys.executable, "-c", TAKER + "sys.stdout.flush(); sys.stdin.read()", str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    stranger.stdout.readline()
    descriptor = os.open(path, os.O_RDWR)
    started = time.monotonic()

    held = hold_lock(descriptor)

    assert not held
    assert time.monotonic() - started > 1  # it has waited for a hand-over
    os.close(descriptor)
    stranger.communicate(b"")


def test_a_lock_that_cannot_be_made_says_so(tmp_path):
    with pytest.raises(StoreError, match=r"gone: cannot be written \(No such file"):
        try_lock(tmp_path / "gone" / "driver.lock")
