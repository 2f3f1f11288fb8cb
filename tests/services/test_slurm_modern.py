"""The newer cluster: what it promises to the tests that use it."""

from __future__ import annotations

import subprocess

import pytest

from tests.services.slurm import modern
from tests.services.slurm.machine import until


def ssh(home, *words):
    command = ["ssh", "-F", str(home / ".ssh" / "config"), "-o", "BatchMode=yes", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_login_finds_slurm_24_11_python_3_13_and_openssh_10(cluster_c, tmp_path):
    modern.give_ssh(cluster_c, tmp_path)

    answer = ssh(
        tmp_path, "cluster_c", "hostname; whoami; sinfo -V; python3 -V; cat /proc/$PPID/comm"
    )

    assert answer.stdout.splitlines() == [
        "login-c",
        "nemorun-alice",
        "slurm-wlm 24.11.5",
        "Python 3.13.5",
        "sshd-session",
    ]


def test_the_sites_plugin_changes_the_comment_speaks_and_refuses(cluster_c):
    told = cluster_c.try_run("sbatch", "--comment=ours", stdin="#!/bin/sh\nsleep 60\n")
    refused = cluster_c.try_run("sbatch", "-J", "not-here", stdin="#!/bin/sh\ntrue\n")

    job = told.stdout.split()[-1]
    assert cluster_c.run("squeue", "-h", "-j", job, "-o", "%k") == "site-billing:42"
    assert "charged to site-billing:42" in told.stderr
    assert refused.returncode == 1
    assert "jobs with this name are not taken here" in refused.stderr
    cluster_c.run("scancel", job)


def test_sacct_answers_and_arrays_are_small(cluster_c):
    job = cluster_c.sbatch("exit 3", "-c1")
    cluster_c.until_state(job, "FAILED")

    too_many = cluster_c.try_run("sbatch", "--array=0-11", stdin="#!/bin/sh\ntrue\n")

    assert "Invalid job array specification" in too_many.stderr
    until(
        lambda: cluster_c.run("sacct", "-nPX", "-j", job, "-o", "State,ExitCode") == "FAILED|3:0",
        30,
        "sacct does not know the exit code",
    )


def test_a_quality_of_service_takes_three_jobs_and_no_more(cluster_c_to_break):
    cluster = cluster_c_to_break
    for _ in range(3):
        cluster.sbatch("sleep 100", "--qos=few")

    fourth = cluster.try_run("sbatch", "--qos=few", stdin="#!/bin/sh\ntrue\n")

    assert "QOSMaxSubmitJobPerUserLimit" in fourth.stderr


@pytest.mark.parametrize(
    ("partition", "then"),
    [("requeued", "PENDING"), ("cancelled", "PREEMPTED")],
    ids=["requeue", "cancel"],
)
def test_an_urgent_job_takes_the_place_of_another(cluster_c_to_break, partition, then):
    cluster = cluster_c_to_break
    script = "trap 'echo TERM >>heard' TERM; echo begun; sleep 100 & wait; wait"
    victim = cluster.sbatch(
        script, "-p", partition, "-N2", "--exclusive", "-D", "/home/nemorun-alice"
    )
    cluster.until_state(victim, "RUNNING")

    cluster.sbatch("sleep 100", "-p", "urgent", "-N2", "--exclusive")

    cluster.until_state(victim, then, seconds=60)


def test_connections_can_be_cut_where_sshd_serves_them_with_another_program(
    cluster_c_to_break, tmp_path
):
    cluster = cluster_c_to_break
    modern.give_ssh(cluster, tmp_path)
    command = ["ssh", "-F", str(tmp_path / ".ssh/config"), "cluster_c", "echo on; sleep 100"]

    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as client:
        client.stdout.readline()
        cut = cluster.faults.drop_connections()

    assert cut >= 1
    assert client.returncode == 255
