"""Passwords and second factors: asked in the foreground, in the host's own words, once."""

from __future__ import annotations

import base64
import hmac
import struct
import threading
import time

import pytest

from nemorun_discover.errors import ExecutorRefused, LoginNeeded
from nemorun_discover.executors.tunnels import SSHTunnel
from tests.transport.test_transport_login import Answers, whoami

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEH"
TWO_FACTORS = """
auth required pam_unix.so
auth required pam_google_authenticator.so secret={folder}/secret user=root
account required pam_permit.so
session required pam_permit.so
"""


def code_now():
    """What the user's telephone shows (RFC 6238)."""
    key = base64.b32decode(SECRET + "=" * (-len(SECRET) % 8))
    digest = hmac.digest(key, struct.pack(">Q", int(time.time()) // 30), "sha1")
    at = digest[-1] & 15
    number = struct.unpack(">I", digest[at : at + 4])[0] & 0x7FFFFFFF
    return f"{number % 1_000_000:06d}"


@pytest.fixture(scope="module")
def bob(machine, key):
    """A user with a password."""
    name = machine.user("bob", password="correct horse")
    machine.allow(name, key.with_name(f"{key.name}.pub"))
    return name


@pytest.fixture(scope="module")
def two_factors(machine):
    """An sshd that asks for a password and for a code, by PAM."""
    path = machine.folder / "secret"
    path.write_text(f'{SECRET}\n" WINDOW_SIZE 5\n" TOTP_AUTH\n')
    path.chmod(0o400)
    return machine.start(pam=TWO_FACTORS.format(folder=machine.folder))


def settings_for(server, user, **more):
    return SSHTunnel(host="127.0.0.1", port=server.port, user=user, **more)


def test_a_password_and_a_code_are_asked_once_in_the_hosts_words(client, two_factors, bob):
    client.knows(two_factors)
    user = Answers("correct horse", code_now())
    tunnel = client.open(settings_for(two_factors, bob), user)

    assert whoami(tunnel) == bob
    whoami(tunnel)

    assert [(prompt, echo) for _, prompt, echo in user.asked] == [
        ("Password: ", False),
        ("Verification code: ", False),
    ]
    assert all(title.startswith(tunnel.name) for title, _, _ in user.asked)
    assert user.threads == {threading.current_thread()}  # which alone hears Ctrl-C


def test_a_wrong_code_is_one_sentence(client, two_factors, bob):
    client.knows(two_factors)
    user = Answers(*("correct horse", "000000") * 3)

    with pytest.raises(ExecutorRefused, match="the host refused the login"):
        client.open(settings_for(two_factors, bob), user).connect()


def test_nobody_is_asked_in_the_background(client, two_factors, bob):
    client.knows(two_factors)
    began = time.monotonic()

    with pytest.raises(LoginNeeded, match="asks for Password, and nobody is there") as caught:
        client.open(settings_for(two_factors, bob)).connect()

    assert "ssh -fNM 127.0.0.1" in caught.value.hint
    assert time.monotonic() - began < 5


def test_a_user_who_gives_up_is_not_asked_again(client, two_factors, bob):
    client.knows(two_factors)
    user = Answers()

    with pytest.raises(LoginNeeded):
        client.open(settings_for(two_factors, bob), user).connect()

    assert len(user.asked) == 1


def test_a_key_and_a_code_together_open(client, machine, two_factors, bob, key):
    server = machine.start(
        "AuthenticationMethods publickey,keyboard-interactive",
        pam=TWO_FACTORS.format(folder=machine.folder).replace(
            "auth required pam_unix.so", "auth required pam_permit.so"
        ),
    )
    client.knows(server)
    user = Answers(code_now())

    assert whoami(client.open(settings_for(server, bob, identity=str(key)), user)) == bob
    assert [prompt for _, prompt, _ in user.asked] == ["Verification code: "]
    server.stop()


@pytest.fixture(scope="module")
def passwords(machine):
    """An sshd that takes passwords, and nothing else."""
    return machine.start("PasswordAuthentication yes", "PubkeyAuthentication no")


def test_a_password_opens_where_only_passwords_do(client, passwords, bob, key):
    client.knows(passwords)
    user = Answers("correct horse")

    assert whoami(client.open(settings_for(passwords, bob, identity=str(key)), user)) == bob
    assert [(prompt, echo) for _, prompt, echo in user.asked] == [
        (f"Password of {bob}@127.0.0.1:{passwords.port}: ", False)
    ]


def test_a_wrong_password_is_one_sentence_and_not_asked_again(client, passwords, bob):
    client.knows(passwords)
    user = Answers("guess", "guess again")

    with pytest.raises(ExecutorRefused, match="the host refused the login"):
        client.open(settings_for(passwords, bob), user).connect()

    assert len(user.asked) == 1
