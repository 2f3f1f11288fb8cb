"""Jobs that start together, in a network where they find each other by name."""

from __future__ import annotations

import pytest

from tests.services.docker import images

TASKS = """
    import os, socket, time

    @nemorun.task(group="talk")
    def server():
        with socket.create_server(("0.0.0.0", 7777)) as listening:
            listening.settimeout(60)
            connection, _ = listening.accept()
            with connection:
                return connection.recv(100).decode()

    @nemorun.task(group="talk")
    def client():
        hosts = os.environ["NEMORUN_GROUP_HOSTS"].split(",")
        for _ in range(300):
            try:
                with socket.create_connection((HOST or hosts[0], 7777), timeout=2) as connection:
                    connection.sendall(b"hello")
                return hosts
            except OSError:
                time.sleep(0.1)
        raise TimeoutError
    """


@pytest.mark.parametrize(
    ("network", "host", "hosts"),
    [(None, "server", ["server", "client"]), ("host", "", ["127.0.0.1"] * 2)],
    ids=["own network", "host network"],
)
def test_members_of_a_group_find_each_other(lab, engine, network, host, hosts):
    if network is None and not engine.has_bridge:
        pytest.skip("no bridge without iptables")
    lab.write(f"HOST = {host!r}\n", "place.py")
    lab.write("from place import HOST\n" + __import__("textwrap").dedent(TASKS))
    fields = {"container_image": images.PYTHON, "max_parallel": 2}
    lab.configure(box={**fields, **({"network": network} if network else {})})

    lab.run("-k", "server or client", "-e", "box")

    jobs = {job["task"]: job for job in lab.jobs().values()}
    assert jobs["server"]["result"] == "hello"
    assert jobs["client"]["result"] == hosts


def test_a_network_that_is_named_is_made(lab, engine):
    lab.write("import os\n@nemorun.task\ndef hello():\n    return os.uname().nodename\n")
    lab.configure(box={"container_image": images.PYTHON, "network": "nemorun-test-named"})

    lab.run("-k", "hello", "-e", "box")

    client = engine.client()
    (made,) = client.networks.list(names=["nemorun-test-named"])
    labels = made.attrs["Labels"]
    made.remove()
    client.close()
    assert lab.job()["result"] == "hello"
    assert "nemorun.home" in labels
