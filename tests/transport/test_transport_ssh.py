"""The way through a real sshd: login, commands, scripts."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from nemorun_discover.errors import ConnectionLost

TIMEOUT_S = 30


def test_a_script_runs_over_there_and_its_answer_comes_back(client, to_alice, alice):
    tunnel = client.open(to_alice)

    answer = tunnel.run("whoami; cat; echo bad >&2; exit 3", b"given", timeout_s=TIMEOUT_S)

    assert (answer.code, answer.output, answer.stderr) == (3, f"{alice}\ngiven".encode(), b"bad\n")


def test_ten_megabytes_back_and_fifty_there_at_once_pass(client, to_alice):
    tunnel = client.open(to_alice)
    script = "head -c 10000000 /dev/zero; head -c 1000000 /dev/zero >&2; wc -c"

    answer = tunnel.run(script, (b"x" * 1_000_000 for _ in range(50)), timeout_s=TIMEOUT_S)

    assert len(answer.output) == 10_000_000 + len(b"50000000\n")
    assert answer.output.endswith(b"50000000\n")
    assert 60_000 < len(answer.stderr) <= 1 << 16


def test_eight_scripts_run_on_one_connection_at_once(client, to_alice):
    tunnel = client.open(to_alice)
    answers = []

    def run() -> None:
        answers.append(tunnel.run("sleep 0.3; echo $SSH_CONNECTION", timeout_s=TIMEOUT_S).output)

    for _ in range(3):  # closed channels make room again
        threads = [threading.Thread(target=run) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert len(answers) == 24
    assert len(set(answers)) == 1


def test_a_caller_may_read_a_part_and_then_decide_what_to_send(client, to_alice):
    tunnel = client.open(to_alice)
    script = "echo have 3; read want; head -c $want; echo rest"

    with tunnel.converse(script, "token-of-the-test", TIMEOUT_S) as conversation:
        first = conversation.read_line()
        conversation.send(b"5\nabcde")
        data = conversation.read_exactly(5)
        conversation.end_input()
        answer = conversation.finish()

    assert (first, data, answer.output, answer.code) == (b"have 3", b"abcde", b"rest\n", 0)


def test_a_command_of_its_own_has_input_output_and_an_exit_code(client, to_alice):
    remote = client.open(to_alice).start("tr a-z A-Z; exit 7")

    remote.send(b"hello")
    remote.end_input()
    data = remote.read(100, 10)

    assert (data, remote.read(100, 10), remote.wait(10)) == (b"HELLO", b"", 7)
    remote.close()


@pytest.mark.parametrize("data", [b"", b"x" * 5_000_000], ids=["none", "much"])
def test_input_that_a_script_does_not_read_holds_nothing_up(client, to_alice, data):
    answer = client.open(to_alice).run("echo done", data, timeout_s=TIMEOUT_S)

    assert answer.output == b"done\n"


def test_a_host_that_opens_one_channel_only_runs_one_script_after_the_other(
    client, machine, to_alice
):
    server = machine.start("MaxSessions 1")
    client.knows(server)
    tunnel = client.open(replace(to_alice, port=server.port))

    codes = [tunnel.run(f"exit {number}", timeout_s=TIMEOUT_S).code for number in range(5)]

    assert codes == [0, 1, 2, 3, 4]
    tunnel.close()
    server.stop()


def test_a_host_that_opens_no_channel_is_one_sentence(client, machine, to_alice):
    server = machine.start("MaxSessions 0")
    client.knows(server)

    with pytest.raises(ConnectionLost, match="the host opens no more channels"):
        client.open(replace(to_alice, port=server.port)).run("true", timeout_s=TIMEOUT_S)

    server.stop()
