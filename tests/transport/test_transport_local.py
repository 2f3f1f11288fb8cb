"""The tunnel to this machine, and what every tunnel has in common with it."""

from __future__ import annotations

import os
import subprocess
import time

import pytest

from nemorun_discover.errors import ConnectionLost, ExecutorRefused
from nemorun_discover.executors.tunnels import LocalTunnel
from nemorun_discover.transport.table import open_tunnel

TIMEOUT_S = 30


@pytest.fixture
def here():
    """The tunnel, with one variable more than this process has."""
    return open_tunnel(LocalTunnel(), os.environ | {"OF_THE_CALLER": "yes"})


def test_a_script_on_this_machine_has_the_callers_environment(here):
    answer = here.run('echo "$OF_THE_CALLER"; cat; exit 3', b"fed", timeout_s=TIMEOUT_S)

    assert (answer.code, answer.output) == (3, b"yes\nfed")


def test_ten_megabytes_back_and_fifty_there_at_once_pass_on_this_machine(here):
    script = "head -c 10000000 /dev/zero; head -c 1000000 /dev/zero >&2; wc -c"

    answer = here.run(script, (b"x" * 1_000_000 for _ in range(50)), timeout_s=TIMEOUT_S)

    assert len(answer.output) == 10_000_000 + len(b"50000000\n")


def test_what_a_script_leaves_running_holds_nothing_up(here, tmp_path):
    script = f"sleep 60 & echo $! >{tmp_path}/pid; echo done"
    began = time.monotonic()

    answer = here.run(script, timeout_s=TIMEOUT_S)

    pid = int((tmp_path / "pid").read_text())
    os.kill(pid, 15)
    assert answer.output == b"done\n"
    assert time.monotonic() - began < 5


def test_a_script_that_is_let_go_of_ends(here, tmp_path):
    with here.converse(f"echo $$ >{tmp_path}/pid; echo up; sleep 60", "token-of-it", 30) as talk:
        assert talk.read_line() == b"up"

    pid = int((tmp_path / "pid").read_text())
    assert subprocess.run(["kill", "-0", str(pid)], capture_output=True, check=False).returncode


def test_a_script_may_end_its_output_without_a_newline_or_have_none(here):
    assert here.run("printf end", timeout_s=TIMEOUT_S).output == b"end"
    assert here.run("printf 'end\\n\\n'", timeout_s=TIMEOUT_S).output == b"end\n\n"
    assert here.run("", timeout_s=TIMEOUT_S).output == b""


def test_lines_end_where_the_script_ends(here):
    with here.converse("printf 'one\\n\\nthree'", "token-of-it", TIMEOUT_S) as talk:
        lines = [talk.read_line() for _ in range(4)]

    assert lines == [b"one", b"", b"three", None]


def test_bytes_that_never_come_are_told_with_what_the_script_said(here):
    script = "echo ab; echo 'disk full' >&2; exit 9"

    with (
        here.converse(script, "token-of-it", TIMEOUT_S) as talk,
        pytest.raises(ExecutorRefused, match=r"\(exit 9\) .*: disk full") as caught,
    ):
        talk.read_exactly(100)

    assert caught.value.message.startswith("this machine: ")


def test_silence_is_given_up_after_the_time_allowed(here):
    with pytest.raises(ConnectionLost, match=r"this machine: no answer for 0\.5 s"):
        here.run("sleep 60", timeout_s=0.5)


def test_a_script_that_takes_its_input_slowly_is_not_given_up(here):
    script = (
        "for i in 1 2 3 4; do sleep 0.4; head -c 65536 >/dev/null; done; cat >/dev/null; echo all"
    )

    answer = here.run(script, b"x" * 400_000, timeout_s=1.0)

    assert answer.output == b"all\n"


def test_a_source_of_input_that_fails_raises_its_own_error(here):
    def pieces():
        yield b"some"
        raise FileNotFoundError("gone.txt")

    with pytest.raises(FileNotFoundError, match=r"gone\.txt"):
        here.run("cat", pieces(), timeout_s=TIMEOUT_S)


def test_a_script_that_sh_cannot_read_is_told(here):
    with pytest.raises(ExecutorRefused, match=r"cut off .*: .*[Ss]yntax error"):
        here.run("if then (", timeout_s=TIMEOUT_S)


def test_a_script_that_is_killed_is_told(here):
    with pytest.raises(ConnectionLost, match="cut off before its answer was whole"):
        here.run("kill -9 $$", timeout_s=TIMEOUT_S)
