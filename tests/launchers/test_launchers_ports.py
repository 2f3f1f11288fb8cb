"""The port of a job."""

from __future__ import annotations

import socket

import pytest

from nemorun_discover.launchers.ports import FIRST_PORT, PORT_COUNT, free_port, port_of


def test_a_port_lies_where_no_outgoing_connection_and_no_torchrun_takes_one():
    ports = {port_of(f"experiment/job[n={number}]/1") for number in range(20_000)}

    assert min(ports) >= FIRST_PORT == 20_000
    assert max(ports) < FIRST_PORT + PORT_COUNT < 29_400
    assert len(ports) > PORT_COUNT * 0.8


@pytest.mark.parametrize(
    "key", ["", "é", "\udcff", "x" * 10_000], ids=["empty", "é", "byte", "long"]
)
def test_any_key_has_one_port(key):
    assert port_of(key) == port_of(key)
    assert FIRST_PORT <= port_of(key) < FIRST_PORT + PORT_COUNT


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"], ids=["local", "all"])
def test_a_port_that_somebody_listens_on_is_passed_over(host):
    taken = free_port("a job")

    with socket.socket() as other:
        other.bind((host, taken))
        other.listen()
        found = free_port("a job")

    assert found != taken
    assert FIRST_PORT <= found < FIRST_PORT + PORT_COUNT


def test_the_last_port_is_followed_by_the_first():
    key = next(str(n) for n in range(10**6) if port_of(str(n)) == FIRST_PORT + PORT_COUNT - 1)

    with socket.socket() as other:
        other.bind(("127.0.0.1", port_of(key)))
        other.listen()
        found = free_port(key)

    assert FIRST_PORT <= found < FIRST_PORT + PORT_COUNT - 1
