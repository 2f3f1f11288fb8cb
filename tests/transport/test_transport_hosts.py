"""Host keys are held to what is known; whatever is wrong with a host is one sentence, soon."""

from __future__ import annotations

import socket
import subprocess
import threading
import time
from dataclasses import replace

import pytest

from nemorun_discover.errors import ConnectionLost, ExecutorRefused
from nemorun_discover.executors.tunnels import SSHTunnel
from tests.services.sshd import free_port, make_key

TIMEOUT_S = 30
SOON_S = 15


@pytest.fixture
def to_unknown(server, alice, key):
    """Settings that lead to alice, whose host nobody knows."""
    return SSHTunnel(host="127.0.0.1", port=server.port, user=alice, identity=str(key))


def refused(tunnel):
    """The error of a login, which comes soon."""
    began = time.monotonic()
    with pytest.raises(ExecutorRefused) as caught:
        tunnel.connect()
    assert time.monotonic() - began < SOON_S
    assert "\n" not in caught.value.message
    return caught.value


def found(file, name):
    """The key that ssh itself finds for a name."""
    search = ["ssh-keygen", "-F", name, "-f", file]
    answer = subprocess.run(search, capture_output=True, text=True, check=True)
    return " ".join(answer.stdout.splitlines()[-1].split()[1:3])


def test_an_unknown_host_is_refused_with_the_command_that_makes_it_known(
    client, to_unknown, server
):
    error = refused(client.open(to_unknown))

    assert f"is not in {client.ssh}/known_hosts" in error.message
    assert "ssh-ed25519 SHA256:" in error.message
    command = error.hint.partition("then: ")[2].partition(";")[0]
    subprocess.run(command, shell=True, check=True, capture_output=True)
    assert client.open(to_unknown).run("echo in", timeout_s=TIMEOUT_S).output == b"in\n"


def test_accept_new_adds_the_key_once_and_knows_it_from_then_on(client, to_unknown, server):
    lenient = replace(to_unknown, host_keys="accept-new")
    client.open(lenient).connect()

    client.open(lenient).connect()
    client.open(to_unknown).connect()

    assert len((client.ssh / "known_hosts").read_text().splitlines()) == 1
    assert found(client.ssh / "known_hosts", f"[127.0.0.1]:{server.port}") == server.host_key
    assert (client.ssh / "known_hosts").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("host_keys", ["strict", "accept-new"])
def test_a_changed_key_is_refused_with_its_line_and_the_command_that_mends(
    client, to_unknown, server, tmp_path, host_keys
):
    other = " ".join(make_key(tmp_path / "other").read_text().split()[:2])
    before = f"# mine\n[127.0.0.1]:{server.port} {other}\n"
    (client.ssh / "known_hosts").write_text(before)

    error = refused(client.open(replace(to_unknown, host_keys=host_keys)))

    assert f"{client.ssh}/known_hosts:2 has another one" in error.message
    assert not error.is_passing
    assert (client.ssh / "known_hosts").read_text() == before
    command = error.hint.partition(": ")[2]
    subprocess.run(command, shell=True, check=True, capture_output=True)
    assert "[127.0.0.1]" not in (client.ssh / "known_hosts").read_text()


def test_a_host_known_by_a_key_of_another_kind_is_no_new_host(client, to_unknown, server, tmp_path):
    other = " ".join(make_key(tmp_path / "other", kind="ecdsa").read_text().split()[:2])
    (client.ssh / "known_hosts").write_text(f"[127.0.0.1]:{server.port} {other}\n")

    error = refused(client.open(replace(to_unknown, host_keys="accept-new")))

    assert "known_hosts:1 has another one" in error.message


def test_hashed_names_patterns_and_revoked_keys_are_understood(client, to_unknown, server):
    known = client.ssh / "known_hosts"
    client.knows(server)
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", known], check=True, capture_output=True)
    assert known.read_text().startswith("|1|")
    client.open(to_unknown).connect()

    known.write_text(f"[127.0.0.*]:* {server.host_key}\n")
    client.open(to_unknown).connect()

    known.write_text(f"@revoked * {server.host_key}\n127.0.0.1 {server.host_key}\n")
    assert f"is revoked by {known}:1" in refused(client.open(to_unknown)).message


def test_the_host_is_asked_for_a_kind_of_key_that_is_known(client, machine, alice, key, tmp_path):
    make_key(tmp_path / "rsa", kind="rsa")
    server = machine.start(f"HostKey {tmp_path}/rsa")
    rsa = " ".join((tmp_path / "rsa.pub").read_text().split()[:2])
    (client.ssh / "known_hosts").write_text(f"[127.0.0.1]:{server.port} {rsa}\n")
    settings = SSHTunnel(host="127.0.0.1", port=server.port, user=alice, identity=str(key))

    answer = client.open(settings).run("echo in", timeout_s=TIMEOUT_S)

    assert answer.output == b"in\n"
    server.stop()


def test_the_ssh_configuration_cannot_switch_the_check_off(client, to_unknown):
    client.config("Host *\n StrictHostKeyChecking no\n UserKnownHostsFile /dev/null\n")

    error = refused(client.open(to_unknown))

    assert f"is not in {client.ssh}/known_hosts" in error.message


def test_the_ssh_configuration_names_the_file_the_alias_and_whether_names_are_hashed(
    client, to_unknown, server, tmp_path
):
    client.config(
        f"Host *\n UserKnownHostsFile {tmp_path}/mine\n HostKeyAlias cluster\n HashKnownHosts yes\n"
    )

    client.open(replace(to_unknown, host_keys="accept-new")).connect()

    assert (tmp_path / "mine").read_text().startswith("|1|")
    assert found(tmp_path / "mine", "cluster") == server.host_key
    client.open(to_unknown).connect()


def test_a_known_hosts_without_a_last_newline_is_not_harmed(client, to_unknown, server):
    (client.ssh / "known_hosts").write_text(f"other.host {server.host_key}")

    client.open(replace(to_unknown, host_keys="accept-new")).connect()

    assert found(client.ssh / "known_hosts", "other.host") == server.host_key
    assert found(client.ssh / "known_hosts", f"[127.0.0.1]:{server.port}") == server.host_key


def test_a_wrong_key_is_one_sentence(client, to_alice, tmp_path):
    make_key(tmp_path / "wrong")

    error = refused(client.open(replace(to_alice, identity=str(tmp_path / "wrong"))))

    assert f"the host refused the login; the keys offered were {tmp_path}/wrong" in error.message
    assert not error.is_passing


def test_an_unknown_user_is_one_sentence(client, to_alice):
    error = refused(client.open(replace(to_alice, user="nobody-of-that-name")))

    assert error.message.startswith("nobody-of-that-name@127.0.0.1:")
    assert "the host refused the login" in error.message


def test_an_unknown_host_name_is_one_sentence(client, to_alice):
    error = refused(client.open(replace(to_alice, host="no-such-host.invalid")))

    assert "there is no host of the name no-such-host.invalid" in error.message


def test_a_closed_port_is_one_sentence(client, to_alice):
    port = free_port()

    error = refused(client.open(replace(to_alice, port=port)))

    assert f"nothing listens there on port {port}" in error.message
    assert isinstance(error, ConnectionLost)


@pytest.mark.parametrize("timeout_s", [20.0, 1.0])
def test_a_port_that_says_nothing_is_one_sentence(client, to_alice, timeout_s):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]

        error = refused(client.open(replace(to_alice, port=port, connect_timeout_s=timeout_s)))

    assert "it accepts connections, but said nothing for" in error.message
    assert isinstance(error, ConnectionLost)


@pytest.mark.parametrize(
    "greeting", [b"HTTP/1.0 400 Bad Request\r\n\r\n", b""], ids=["http", "none"]
)
def test_a_port_of_something_else_is_one_sentence(client, to_alice, greeting):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def answer():
            connection, _ = listener.accept()
            with connection:
                connection.recv(10)
                connection.sendall(greeting)

        thread = threading.Thread(target=answer)
        thread.start()
        error = refused(client.open(replace(to_alice, port=port)))
        thread.join()

    assert "what answers there is no SSH server" in error.message
