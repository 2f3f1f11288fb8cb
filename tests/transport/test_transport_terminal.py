"""What a login asks reaches the terminal of `nemorun run`, though it is the driver in the background that logs in.

The host has no cluster: once inside, the job is refused.
"""

from __future__ import annotations

import os
import select
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import Cli, read_terminal

PATIENCE_S = 60
TASK = "import nemorun\n\n@nemorun.task\ndef hello():\n    return 1\n"
PROFILE = """
[profiles.far]
kind = "slurm"
tunnel = {{ kind = "ssh", host = "127.0.0.1", port = {port}, user = "{user}" }}
"""


@pytest.fixture
def far(client, machine, tmp_path):
    """A project whose profile leads to a host that wants a password, and has no Slurm."""
    server = machine.start("PasswordAuthentication yes", "PubkeyAuthentication no")
    client.knows(server)
    user = machine.user("clara", password="correct horse")
    root = tmp_path / "lab"
    root.mkdir()
    (root / "tasks.py").write_text(TASK)
    (root / "nemorun.toml").write_text(PROFILE.format(port=server.port, user=user))
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    subprocess.run(["git", "-C", str(root), "add", "."], check=True)
    cli = Cli(root)
    cli.home_over_there = Path(f"~{user}").expanduser()
    shutil.rmtree(cli.home_over_there / ".run", ignore_errors=True)
    yield cli
    server.stop()


@pytest.mark.parametrize("options", [(), ("--detach",)], ids=["watched", "detached"])
def test_a_password_is_asked_on_the_terminal_of_the_command(far, options):
    process, leader = far.start_on_terminal("run", "-k", "hello", "-e", "far", *options)

    asked = read_until(leader, b"Password of")
    os.write(leader, b"correct horse\n")
    answer = read_until(leader, None)
    os.close(leader)

    assert process.wait(PATIENCE_S) == 6, answer
    assert len(there(far)) == 1
    assert b"correct horse" not in asked + answer


def test_without_a_terminal_nobody_is_asked(far):
    answer = far("run", "-k", "hello", "-e", "far", "--detach")

    assert answer.code == 6
    assert "nobody is there to answer" in answer.out
    assert there(far) == []


def there(far):
    """The experiments that have come to the host."""
    return [*(far.home_over_there / ".run" / "experiments").glob("2*")]


def read_until(leader, words):
    """What appears on the terminal until these words do; to its end for None."""
    shown = b""
    while words is None or words not in shown:
        assert select.select([leader], [], [], PATIENCE_S)[0], shown.decode(errors="replace")
        piece = read_terminal(leader)
        if not piece:
            assert words is None, shown.decode(errors="replace")
            break
        shown += piece
    return shown
