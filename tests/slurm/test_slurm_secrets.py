"""Markers go to a cluster through every door, and are there in one file, which is gone in the end."""

from __future__ import annotations

import stat

MARK = "MaRk3r"
TASKS = """
    import os, time
    import nemorun

    @nemorun.task
    def train(token: str = "", dsn: str = ""):
        while not os.path.exists(os.path.join(os.environ["NEMORUN_OUTPUT_DIR"], "go")):
            time.sleep(0.05)
        seen = [token, dsn, *(os.environ[name] for name in ("API_KEY", "URL", "TOKEN"))]
        assert not [name for name in os.environ if name.startswith("NEMORUN_SECRET_")]
        return [len(one) for one in seen if "aRk3r" in one]
"""
PROFILE = """
    env_vars = { API_KEY = "${env:KEY}", URL = "x://${env:DB_PASSWORD}@h" }
    secrets = ["TOKEN"]
"""
SCRIPT = """
    [tasks.script]
    command = ["sh", "-c", "test ${#W_KEY}${#NEMORUN_PARAM_TOKEN}${#DSN} = 13815 && sleep 2"]
    env = { W_KEY = "MaRk3r-script", DSN = "x://${env:DB_PASSWORD}/y" }
    params = { token = "MaRk3r-param-" }
"""
SECRETS = {"KEY": "MaRk3r-key", "DB_PASSWORD": "MaRk3r-db", "TOKEN": "MaRk3r-'t`id`$HOME"}


def test_a_marker_is_in_one_file_of_a_cluster_and_in_no_other_place(lab):
    lab.profile("slurm_a", lab.clusters.a, PROFILE)
    lab.configure(SCRIPT)
    lab.write("tasks.py", TASKS)
    cluster = lab.clusters.a

    experiment = lab.launch(
        "-k", "train or script", "-e", "slurm_a", "token=MaRk3r-a,MaRk3r-b", "dsn=x://MaRk3r-db", **SECRETS
    )  # fmt: skip

    def begun():
        found = [one for one in lab.jobs(experiment).values() if one["task"] == "train"]
        is_so = all(one["state"] == "RUNNING" and lab._has_begun(one, experiment) for one in found)
        return found if is_so else None

    jobs = lab.wait_for(begun)
    folder = cluster.outside(lab.base)
    holders = [one for one in lab.files(folder) if MARK.encode() in one.read_bytes()]
    assert {one.parent.name for one in holders} == {"secrets"}
    assert {stat.S_IMODE(one.stat().st_mode) for one in holders} == {0o600}
    assert not [one for one in lab.files(folder) if MARK in str(one)]
    shown = [cluster.run("squeue", "-o", "%all"), cluster.run("scontrol", "show", "job", "-d")]
    ids = [job["native_id"] for job in jobs]
    shown += [cluster.run("scontrol", "write", "batch_script", one, "-") for one in ids]
    shown.append(cluster.run("sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '"))
    assert MARK not in "".join(shown)

    for job in jobs:
        lab.go(cluster, job, experiment)
    lab.until_over(experiment)
    over = lab.jobs(experiment)
    assert {one["state"] for one in over.values()} == {"SUCCEEDED"}, over
    assert [len(one["result"]) for one in over.values() if one["task"] == "train"] == [5, 5]
    lab.wait_for(lambda: not lab.driver(experiment))
    left = [*lab.files(folder), *lab.files(lab.home)]
    assert not [one for one in left if one.suffix != ".zip" and MARK.encode() in one.read_bytes()]
