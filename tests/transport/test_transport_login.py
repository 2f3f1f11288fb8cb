"""Keys, agents and passphrases: what opens the door is found, and asked for at most once."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from dataclasses import replace

import pytest

from nemorun_discover.errors import ExecutorRefused, LoginNeeded
from nemorun_discover.executors.tunnels import SSHTunnel
from tests.services.sshd import make_key

TIMEOUT_S = 30


class Answers:
    """A user at the terminal, who has these answers and no others; remembers what was asked."""

    def __init__(self, *answers):
        self.asked = []
        self.threads = set()
        self._answers = list(answers)

    def __call__(self, title, prompts):
        self.threads.add(threading.current_thread())
        self.asked += [(title, *prompt) for prompt in prompts]
        if not self._answers:
            return None
        return [self._answers.pop(0) for _ in prompts]


@pytest.fixture
def locked(machine, alice, tmp_path):
    """A key with a passphrase that opens alice."""
    path = tmp_path / "id_locked"
    machine.allow(alice, make_key(path, passphrase="open sesame"))
    return path


def whoami(tunnel):
    return tunnel.run("whoami", timeout_s=TIMEOUT_S).output.decode().strip()


def add_to_agent(agent, *keys):
    for key in keys:
        environment = os.environ | {"SSH_AUTH_SOCK": str(agent)}
        subprocess.run(["ssh-add", "-q", key], check=True, env=environment, capture_output=True)


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_every_kind_of_key_opens(client, to_alice, machine, tmp_path, kind):
    machine.allow(to_alice.user, make_key(tmp_path / "id", kind=kind))

    assert whoami(client.open(replace(to_alice, identity=f"{tmp_path}/id"))) == to_alice.user


@pytest.mark.parametrize("form", ["openssh", "PEM"])
def test_a_passphrase_is_asked_once_for_all_logins_of_a_tunnel(
    client, to_alice, alice, locked, form
):
    if form == "PEM":
        unlock = ["ssh-keygen", "-q", "-p", "-P", "open sesame", "-N", "", "-f", locked]
        subprocess.run(unlock, check=True, capture_output=True)
        pem = ["ssh-keygen", "-q", "-p", "-P", "", "-N", "open sesame", "-m", "PEM", "-f", locked]
        subprocess.run(pem, check=True, capture_output=True)
    user = Answers("open sesame")
    tunnel = client.open(replace(to_alice, identity=str(locked)), user)

    first = whoami(tunnel)
    tunnel.close()

    assert (first, whoami(tunnel)) == (alice, alice)
    (question,) = user.asked
    assert question == (tunnel.name, f"Passphrase of {locked}: ", False)


def test_a_passphrase_is_never_asked_in_the_background(client, to_alice, locked):
    with pytest.raises(LoginNeeded, match="wants its passphrase") as caught:
        client.open(replace(to_alice, identity=str(locked))).connect()

    assert f"ssh-add {locked}" in caught.value.hint


def test_a_wrong_passphrase_is_one_sentence(client, to_alice, locked):
    tunnel = client.open(replace(to_alice, identity=str(locked)), Answers("guess"))

    with pytest.raises(ExecutorRefused, match=f"this is not the passphrase of {locked}"):
        tunnel.connect()


def test_a_key_that_the_agent_holds_needs_no_passphrase(client, to_alice, locked, agent, tmp_path):
    shutil.copy(locked, tmp_path / "copy")
    subprocess.run(
        ["ssh-keygen", "-q", "-p", "-P", "open sesame", "-N", "", "-f", tmp_path / "copy"],
        check=True,
        capture_output=True,
    )
    add_to_agent(agent, tmp_path / "copy")
    tunnel = client.open(replace(to_alice, identity=str(locked)), SSH_AUTH_SOCK=str(agent))

    assert whoami(tunnel) == to_alice.user


def test_the_agents_keys_are_tried_when_no_identity_is_named(
    client, to_alice, key, agent, tmp_path
):
    make_key(tmp_path / "other")
    add_to_agent(agent, tmp_path / "other", key)
    tunnel = client.open(replace(to_alice, identity=None), SSH_AUTH_SOCK=str(agent))

    assert whoami(tunnel) == to_alice.user


def test_a_named_identity_is_the_only_key_that_is_offered(client, to_alice, agent, tmp_path):
    """An sshd counts every key that it refuses, and ends the login after six."""
    others = [tmp_path / f"other{number}" for number in range(8)]
    for other in others:
        make_key(other)
    add_to_agent(agent, *others)
    env = {"SSH_AUTH_SOCK": str(agent)}

    assert whoami(client.open(to_alice, **env)) == to_alice.user
    with pytest.raises(ExecutorRefused, match=r"ended the login after \d keys") as caught:
        client.open(replace(to_alice, identity=None), **env).connect()
    assert "IdentitiesOnly" in caught.value.hint


def test_a_dead_agent_is_no_hindrance(client, to_alice, alice, tmp_path):
    tunnel = client.open(to_alice, SSH_AUTH_SOCK=str(tmp_path / "gone"))

    assert whoami(tunnel) == alice


def test_the_default_keys_are_tried_when_nothing_is_named(client, to_alice, alice, key):
    shutil.copy(key, client.ssh / "id_ed25519")

    assert whoami(client.open(replace(to_alice, identity=None))) == alice


def test_a_locked_default_key_does_not_keep_others_from_being_tried(
    client, to_alice, alice, key, locked
):
    shutil.copy(locked, client.ssh / "id_ed25519")
    shutil.copy(key, client.ssh / "id_rsa")

    assert whoami(client.open(replace(to_alice, identity=None))) == alice


def test_an_identity_may_begin_with_a_tilde(client, to_alice, alice, key):
    shutil.copy(key, client.ssh / "mine")

    assert whoami(client.open(replace(to_alice, identity="~/.ssh/mine"))) == alice


def test_a_certificate_beside_the_key_is_shown(client, machine, key, tmp_path):
    authority = make_key(tmp_path / "authority")
    server = machine.start(f"TrustedUserCAKeys {authority}")
    name = machine.user("certified")
    client.knows(server)
    make_key(tmp_path / "id")
    sign = ["ssh-keygen", "-q", "-s", tmp_path / "authority", "-I", "me", "-n", name]
    subprocess.run([*sign, tmp_path / "id.pub"], check=True, capture_output=True)
    settings = SSHTunnel(
        host="127.0.0.1", port=server.port, user=name, identity=str(tmp_path / "id")
    )

    assert whoami(client.open(settings)) == name
    server.stop()


def test_a_missing_key_file_is_one_sentence(client, to_alice, tmp_path):
    with pytest.raises(ExecutorRefused) as caught:
        client.open(replace(to_alice, identity=f"{tmp_path}/none")).connect()

    assert (
        caught.value.message == f"the key {tmp_path}/none cannot be read: No such file or directory"
    )


def test_a_key_file_without_permission_is_one_sentence(
    client, to_alice, tmp_path, permissions_hold
):
    make_key(tmp_path / "id")
    (tmp_path / "id").chmod(0)

    with pytest.raises(ExecutorRefused, match="cannot be read: Permission denied"):
        client.open(replace(to_alice, identity=f"{tmp_path}/id")).connect()


@pytest.mark.parametrize("content", ["public", "rubbish", "cut"])
def test_a_file_that_is_no_private_key_is_one_sentence(client, to_alice, key, tmp_path, content):
    text = {
        "public": key.with_name(f"{key.name}.pub").read_text(),
        "rubbish": "hello\n",
        "cut": key.read_text()[:120],
    }[content]
    (tmp_path / "id").write_text(text)

    with pytest.raises(ExecutorRefused, match="is no private key that can be used here"):
        client.open(replace(to_alice, identity=f"{tmp_path}/id")).connect()
