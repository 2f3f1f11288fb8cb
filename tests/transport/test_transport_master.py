"""A login that OpenSSH keeps open is used: no second login, and no second question."""

from __future__ import annotations

import subprocess
import threading

import pytest

from nemorun_discover.errors import ConnectionLost
from nemorun_discover.executors.tunnels import SSHTunnel

TIMEOUT_S = 30


@pytest.fixture
def to_shared(client, server, alice, key, machine):
    """Settings without a key of their own, for a host whose master is not started yet."""
    client.knows(server)
    client.config(
        f"Host shared\n HostName 127.0.0.1\n Port {server.port}\n User {alice}\n"
        f" ControlPath {machine.folder}/cm-%C\n IdentityFile {key}\n IdentitiesOnly yes\n"
        f" UserKnownHostsFile {client.ssh}/known_hosts\n LocalForward 127.0.0.1:1 127.0.0.1:1\n"
        f" IdentityAgent none\n"
    )
    return SSHTunnel(host="shared")


@pytest.fixture
def master(client, to_shared, server):
    """A real master, which ends with the test."""
    ssh = ["ssh", "-F", client.ssh / "config"]
    subprocess.run([*ssh, "-M", "-N", "-f", "-o", "ClearAllForwardings=yes", "shared"], check=True)
    (pid,) = server.sessions()[-1:]
    yield lambda: subprocess.run([*ssh, "-O", "exit", "shared"], check=True, capture_output=True)
    assert pid
    subprocess.run([*ssh, "-O", "exit", "shared"], check=False, capture_output=True)


def logins(server):
    return server.log.count("Accepted")


def test_a_master_carries_scripts_without_another_login(client, to_shared, master, server, alice):
    before = logins(server)
    tunnel = client.open(to_shared)

    answer = tunnel.run("whoami; cat; exit 3", b"x" * 5_000_000, timeout_s=TIMEOUT_S)

    assert answer.code == 3
    assert answer.output == f"{alice}\n".encode() + b"x" * 5_000_000
    assert logins(server) == before


def test_closing_the_tunnel_leaves_the_master_running(client, to_shared, master):
    tunnel = client.open(to_shared)
    tunnel.run("true", timeout_s=TIMEOUT_S)

    tunnel.close()

    assert tunnel.run("echo again", timeout_s=TIMEOUT_S).output == b"again\n"


def test_without_a_master_the_tunnel_logs_in_itself(client, to_shared, server, alice):
    before = logins(server)

    answer = client.open(to_shared).run("whoami", timeout_s=TIMEOUT_S)

    assert answer.output == f"{alice}\n".encode()
    assert logins(server) == before + 1


def test_a_master_that_ended_is_replaced_by_a_login(client, to_shared, master, server):
    tunnel = client.open(to_shared)
    tunnel.run("true", timeout_s=TIMEOUT_S)
    before = logins(server)
    master()

    answer = tunnel.run("echo here", timeout_s=TIMEOUT_S)

    assert answer.output == b"here\n"
    assert logins(server) == before + 1


def test_a_master_that_ends_in_the_middle_is_a_lost_connection(client, to_shared, master):
    tunnel = client.open(to_shared)

    with tunnel.converse("echo begun; sleep 60", "token-of-the-test", TIMEOUT_S) as conversation:
        assert conversation.read_line() == b"begun"
        master()
        with pytest.raises(ConnectionLost, match="the login that ssh kept open has ended"):
            conversation.read_line()


def test_an_exit_code_of_255_is_an_answer_while_the_master_lives(client, to_shared, master):
    tunnel = client.open(to_shared)

    remote = tunnel.start("exit 255")

    assert (remote.read(10, 10), remote.wait(10)) == (b"", 255)
    remote.close()


def test_eight_at_once_pass_through_a_master(client, to_shared, master):
    tunnel = client.open(to_shared)
    answers = []

    def run():
        answers.append(tunnel.run("sleep 0.3; echo ok", timeout_s=TIMEOUT_S).output)

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answers == [b"ok\n"] * 8


def test_more_channels_than_the_host_opens_is_said_in_a_sentence(client, to_shared, master):
    tunnel = client.open(to_shared)
    held = [tunnel.start("echo up; sleep 60") for _ in range(10)]
    for remote in held:
        assert remote.read(10, TIMEOUT_S) == b"up\n"

    with pytest.raises(ConnectionLost, match="Session open refused by peer"):
        tunnel.run("true", timeout_s=TIMEOUT_S)

    for remote in held:
        remote.close()
