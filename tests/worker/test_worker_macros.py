"""Placeholders that are filled in where the job runs."""

from __future__ import annotations

import subprocess
import sys

import pytest

from nemorun_discover.executors.macros import ExecutorMacros
from nemorun_discover.worker.macros import fill_macros, filled_variables

PLACE = {
    "MASTER_ADDR": "node-0",
    "LOCAL_WORLD_SIZE": "8",
    "NEMORUN_NNODES": "4",
    "NEMORUN_NODE_RANK": "3",
    "FAULT_TOL_CFG_PATH": "/cfg.yaml",
    "NEMORUN_GROUP_HOSTS": "node-0,node-2",
}


@pytest.mark.parametrize(
    ("placeholder", "inside", "alone"),
    [
        (ExecutorMacros.HEAD_NODE_IP_VAR, "node-0", "127.0.0.1"),
        (ExecutorMacros.NPROC_PER_NODE_VAR, "8", "1"),
        (ExecutorMacros.NUM_NODES_VAR, "4", "1"),
        (ExecutorMacros.NODE_RANK_VAR, "3", "0"),
        (ExecutorMacros.FT_LAUNCHER_CFG_PATH_VAR, "/cfg.yaml", ""),
        (ExecutorMacros.group_host(0), "node-0", "127.0.0.1"),
        (ExecutorMacros.group_host(1), "node-2", "127.0.0.1"),
    ],
    ids=["head", "processes", "nodes", "rank", "ft", "first of group", "second of group"],
)
def test_a_placeholder_is_what_the_job_knows_of_its_place(placeholder, inside, alone):
    text = f"tcp://{placeholder}:80 {placeholder}"

    assert fill_macros(text, PLACE) == f"tcp://{inside}:80 {inside}"
    assert fill_macros(text, {}) == f"tcp://{alone}:80 {alone}"


@pytest.mark.parametrize(
    "text",
    ["", "plain", "${HOME}", "$head_node_ip_var", "${head_node_ip_var", "${het_group_host_var}", "${x}_1"],
    ids=str,
)  # fmt: skip
def test_what_is_no_placeholder_is_left_alone(text):
    assert fill_macros(text, PLACE) == text


def test_only_variables_with_placeholders_change():
    env = {**PLACE, "URL": f"http://{ExecutorMacros.HEAD_NODE_IP_VAR}", "OTHER": "${HOME}"}

    assert filled_variables(env) == {"URL": "http://node-0"}


def test_a_script_finds_them_in_its_arguments_and_its_environment(bench, monkeypatch):
    monkeypatch.setenv("URL", f"http://{ExecutorMacros.HEAD_NODE_IP_VAR}")
    program = "import os, sys; print(sys.argv[1], os.environ['URL'])"
    word = f"{ExecutorMacros.NUM_NODES_VAR}x{ExecutorMacros.NPROC_PER_NODE_VAR}"

    outcome = bench.run(argv=[sys.executable, "-c", program, word], function=None)

    assert outcome.log == "1x1 http://127.0.0.1\n"


def test_a_function_finds_them_in_its_environment_and_in_what_it_is_told(bench, monkeypatch):
    monkeypatch.setenv("URL", f"http://{ExecutorMacros.HEAD_NODE_IP_VAR}")
    text = "import os, sys\ndef f(): return [os.environ['URL'], *sys.argv[1:]]"

    outcome = bench.run(text, args=[ExecutorMacros.group_host(0)])

    assert outcome.result == ["http://127.0.0.1", "127.0.0.1"]


def test_every_process_has_its_own(bench):
    program = "import os, sys; os.write(1, sys.argv[1].encode())"
    bench.prepare(
        argv=[sys.executable, "-c", program, f"{ExecutorMacros.NPROC_PER_NODE_VAR}"], function=None
    )

    answer = subprocess.run(
        [sys.executable, *bench.command(), "--ranks", "2"],
        cwd=bench.root,
        env=bench.environment(),
        capture_output=True,
        text=True,
        check=True,
    )

    assert answer.stdout == "22"
