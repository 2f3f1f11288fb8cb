"""What `~/.ssh/config` says is done, and the tunnel's own fields win over it."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest

from nemorun_discover.errors import ConfigError, ConnectionLost, ExecutorRefused
from nemorun_discover.executors.tunnels import LocalTunnel, SSHTunnel
from tests.transport.test_transport_login import whoami

TIMEOUT_S = 30


@pytest.fixture
def cluster(client, server, alice, key):
    """A `Host cluster` that leads to alice."""
    client.knows(server)
    client.config(
        f"Host cluster\n  HostName 127.0.0.1\n  User={alice}\n  Port {server.port}\n"
        f'  IdentityFile "{key}"\n'
    )
    return SSHTunnel(host="cluster")


def test_host_name_user_port_and_identity_come_from_the_configuration(client, cluster, alice):
    tunnel = client.open(cluster)

    assert whoami(tunnel) == alice
    assert tunnel.name.startswith(f"{alice}@127.0.0.1:")


def test_the_fields_of_the_tunnel_win(client, cluster, server, alice, key):
    client.config("Host *\n HostName 127.0.0.1\n User nobody\n Port 1\n IdentityFile ~/none\n")
    explicit = replace(cluster, user=alice, port=server.port, identity=str(key))

    assert whoami(client.open(explicit)) == alice


def test_included_files_patterns_and_negation_are_followed(client, cluster, alice):
    text = (client.ssh / "config").read_text()
    (client.ssh / "conf.d").mkdir()
    (client.ssh / "conf.d" / "1").write_text(text.replace("Host cluster", "Host clu?ter !other"))
    client.config("Include conf.d/*\nHost other\n  Include nothing\n  User mallory\n")

    assert whoami(client.open(cluster)) == alice
    assert client.open(replace(cluster, host="other")).name.startswith("mallory@other:22")


def test_match_blocks_are_followed(client, cluster, server, alice, key):
    client.config(
        f"Match originalhost cluster\n HostName 127.0.0.1\n Port {server.port}\n"
        f"Match host 127.0.0.1\n User {alice}\n IdentityFile {key}\n"
    )

    assert whoami(client.open(cluster)) == alice


def test_match_blocks_may_ask_a_command(client, cluster):
    client.config(
        'Match originalhost cluster exec "test %n = other"\n User wrong\n'
        'Match originalhost cluster !exec "test %n = other"\n User right\n'
    )

    assert client.open(cluster).name == "right@cluster:22"


def test_a_configuration_that_cannot_be_read_is_one_sentence(client, cluster):
    client.config("Host cluster\n Port abc\n")
    with pytest.raises(ConfigError, match=r"\.ssh/config cannot be read: .*abc"):
        client.open(cluster)


@pytest.fixture
def jumps(client, machine, server, alice, key):
    """Two hosts on the way to the cluster, each with a known key of its own."""
    gates = [machine.start(), machine.start()]
    for one in (*gates, server):
        client.knows(one)
    near, far = (one.port for one in gates)
    client.config(
        f"Host near\n HostName 127.0.0.1\n Port {near}\n"
        f"Host far\n HostName 127.0.0.1\n Port {far}\n ProxyJump near\n"
        f"Host cluster\n HostName 127.0.0.1\n Port {server.port}\n ProxyJump far\n"
        f"Host listed\n HostName 127.0.0.1\n Port {server.port}\n"
        f" ProxyJump {alice}@127.0.0.1:{near},ssh://{alice}@127.0.0.1:{far}\n"
        f"Host *\n User {alice}\n IdentityFile {key}\n"
    )
    yield gates
    for one in gates:
        one.stop()


@pytest.mark.parametrize("host", ["cluster", "listed"])
def test_several_jumps_lead_to_the_host(client, jumps, server, alice, host):
    before = server.log.count("Accepted")
    tunnel = client.open(SSHTunnel(host=host))

    assert tunnel.run("cat", b"x" * 3_000_000, timeout_s=TIMEOUT_S).output == b"x" * 3_000_000
    assert [gate.log.count("Accepted") for gate in jumps] == [1, 1]
    assert server.log.count("Accepted") == before + 1


def test_the_key_of_a_host_on_the_way_is_held_to_what_is_known(client, jumps, server):
    (client.ssh / "known_hosts").write_text("")
    client.knows(server)
    client.knows(jumps[0])

    with pytest.raises(ExecutorRefused, match=f":{jumps[1].port}: its host key .* is not in"):
        client.open(SSHTunnel(host="cluster")).connect()


def test_a_host_on_the_way_that_ends_breaks_the_connection(client, jumps):
    tunnel = client.open(SSHTunnel(host="cluster"))

    with tunnel.converse("echo up; sleep 60", "token-of-it", TIMEOUT_S) as talk:
        assert talk.read_line() == b"up"
        jumps[0].stop()
        with pytest.raises(ConnectionLost, match="the connection broke"):
            talk.read_line()


def test_a_host_that_the_one_before_cannot_reach_is_one_sentence(client, jumps):
    tunnel = client.open(SSHTunnel(host="cluster", port=1))

    with pytest.raises(ConnectionLost, match=":1: the host before it does not connect to it"):
        tunnel.connect()


def test_jumps_in_a_circle_are_one_sentence(client):
    client.config("Host *\n ProxyJump gate\n")

    with pytest.raises(ConfigError, match="its ProxyJump leads in a circle, by way of gate"):
        client.open(SSHTunnel(host="cluster"))


def test_a_proxy_command_carries_the_connection(client, cluster, alice):
    program = (
        "import os,socket,sys,threading\n"
        "s=socket.create_connection((sys.argv[1],int(sys.argv[2])))\n"
        "def up():\n"
        " while d:=os.read(0,65536): s.sendall(d)\n"
        " os._exit(0)\n"
        "threading.Thread(target=up,daemon=True).start()\n"
        "while d:=s.recv(65536): os.write(1,d)\n"
    )
    (client.ssh / "proxy.py").write_text(program)
    text = (client.ssh / "config").read_text()
    client.config(f"{text}  ProxyCommand {sys.executable} ~/.ssh/proxy.py %h %p\n")

    assert whoami(client.open(cluster)) == alice


def test_tunnels_that_differ_in_user_port_or_way_have_different_keys(client, jumps, cluster):
    tunnels = [
        LocalTunnel(),
        SSHTunnel(host="127.0.0.1"),
        SSHTunnel(host="127.0.0.1", port=2222),
        SSHTunnel(host="127.0.0.1", user="other"),
        SSHTunnel(host="far"),
        SSHTunnel(host="near"),
    ]

    keys = {client.open(one).key for one in tunnels}

    assert len(keys) == len(tunnels)
    assert client.open(SSHTunnel(host="near")).key == client.open(SSHTunnel(host="near")).key
