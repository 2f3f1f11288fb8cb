"""A setup that fails, and the cluster that goes by itself afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest

pytestmark = pytest.mark.xdist_group("skypilot")

CONFIG = """
[project]
name = "setup"
[profiles.broken]
kind = "skypilot"
packager = "none"
infra = "slurm"
idle_minutes_to_autostop = 1
setup = "echo preparing; exit 3"
[tasks.hello]
command = ["echo", "hello"]
"""


@pytest.fixture(scope="module")
def broken(make_desk):
    """A job whose setup fails; then nobody does anything until its cluster has gone."""
    desk = make_desk()
    desk.write("nemorun.toml", CONFIG)
    desk.told["run"] = desk.nemorun("run", "-k", "hello", "-e", "broken", check=False)
    desk.told["doctor"] = desk.nemorun("doctor", check=False).stdout
    desk.told["status"] = desk.nemorun("status").stderr
    desk.told["up"] = desk.clusters_up("broken")
    desk.wait_until(lambda: not desk.clusters_up("broken"), pause_s=10)
    desk.told["doctor later"] = desk.nemorun("doctor", check=False).stdout
    return desk


def test_a_setup_that_fails_is_said_with_what_it_printed(broken):
    job = broken.jobs()["hello"]
    log = Path(job["log"]).read_text()

    assert (job["state"], job["reason"], job["raw_state"]) == (
        "FAILED",
        "SETUP_FAILED",
        "FAILED_SETUP",
    )
    assert log == "preparing\nnemorun: the setup has failed on SkyPilot's cluster\n"
    assert broken.told["run"].returncode == 1


def test_a_cluster_that_is_still_up_is_shown_by_doctor_and_status(broken):
    assert "is UP; it goes after 1 idle minutes" in broken.told["doctor"]
    assert "mend it: `sky down nemorun-" in broken.told["doctor"]
    assert "may be up: it goes after 1 idle minutes" in broken.told["status"]


def test_the_cluster_goes_by_itself_when_it_has_been_idle(broken):
    assert broken.told["up"] == ["broken"]
    assert "none of ours is up" in broken.told["doctor later"]
