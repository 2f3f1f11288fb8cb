"""Batch scripts on a real cluster: how a job ends is what its evidence says."""

from __future__ import annotations

from tests.schedulers.slurm.place import submission, unit


def bash(text: str, **keywords):
    return submission(command=("bash", "-c", text), **keywords)


def test_a_job_that_succeeds_says_so_and_has_its_log(place):
    job = bash("echo hello from $SLURMD_NODENAME")

    native_id = place.submit(unit(job))

    ended = place.ended(job)
    assert (ended["exit_code"], ended["signal"], ended["reason"]) == (0, None, None)
    assert ended["native_id"] == place.begun(job)["native_id"] == native_id
    assert "hello from b" in place.log(job)
    assert place.state(native_id) == "COMPLETED"
