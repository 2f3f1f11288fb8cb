"""Jobs that start together, in a network where they find each other by name."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.services.docker import images

SERVER = """
import socket
with socket.create_server(("0.0.0.0", 7777)) as listening:
    listening.settimeout(60)
    connection, _ = listening.accept()
    with connection:
        print("heard", connection.recv(100).decode())
"""
CLIENT = """
import os, socket, sys, time
print(os.environ["NEMORUN_GROUP_HOSTS"], sys.argv[1])
for _ in range(300):
    try:
        with socket.create_connection((sys.argv[1], 7777), timeout=2) as connection:
            connection.sendall(b"hello")
        break
    except OSError:
        time.sleep(0.1)
else:
    raise TimeoutError
"""
LAUNCH = """
import json, sys
import nemorun as run

executor = run.DockerExecutor(**json.loads(sys.argv[1]))
first = run.ExecutorMacros.group_host(0)
with run.Experiment("pair") as experiment:
    experiment.add(
        [run.Script(path="server.py", entrypoint="python"),
         run.Script(path="client.py", entrypoint="python", args=[first])],
        executor, name="pair",
    )
    experiment.run()
"""


@pytest.mark.parametrize(
    ("network", "hosts"),
    [(None, "server,client server"), ("host", "127.0.0.1,127.0.0.1 127.0.0.1")],
    ids=["own network", "host network"],
)
def test_members_of_a_group_find_each_other(lab, engine, network, hosts):
    if network is None and not engine.has_bridge:
        pytest.skip("no bridge without iptables")
    for name, text in (("server.py", SERVER), ("client.py", CLIENT), ("launch.py", LAUNCH)):
        (lab.root / name).write_text(text)
    fields = {"container_image": images.PYTHON, "max_parallel": 2, "network": network}

    done = subprocess.run(
        [sys.executable, "launch.py", json.dumps(fields)],
        cwd=lab.root, capture_output=True, text=True, check=False, timeout=180,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr + lab.logs()
    said = {job["task"]: log_of(lab, job) for job in lab.jobs().values()}
    experiment = lab.folder(next(iter(lab.jobs().values()))).parents[1].name
    lab.until(lambda: not [one for one in networks(engine) if experiment in one])
    assert said == {"server": "heard hello\n", "client": f"{hosts}\n"}


def log_of(lab, job):
    return (lab.folder(job) / "attempt-1" / "log").read_text()


def test_a_network_that_is_named_is_made_and_removed_with_its_last_container(lab, engine):
    lab.write("import os\n@nemorun.task\ndef hello():\n    return os.uname().nodename\n")
    lab.configure(box={"container_image": images.PYTHON, "network": "nemorun-test-named"})

    lab.run("-k", "hello", "-e", "box")

    assert lab.job()["result"] == "hello"
    lab.until(lambda: "nemorun-test-named" not in networks(engine))


def networks(engine):
    client = engine.client()
    names = [one.name for one in client.networks.list()]
    client.close()
    return names
