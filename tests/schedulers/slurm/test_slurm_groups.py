"""Groups on a real cluster: in one allocation, or as a heterogeneous job."""

from __future__ import annotations

import json
from datetime import datetime

import pytest

from nemorun_discover.executors.slurm import SlurmExecutor
from nemorun_discover.model.state import State
from nemorun_discover.schedulers.slurm.verdict import Evidence, fact_of
from tests.schedulers.slurm.place import submission, unit

FOREVER = "echo ready; touch ../../ready; while :; do sleep 0.1; done"
# Nothing says that members begin together: on a busy machine it may be seconds from one to the next.
AWAIT = (
    "until [ -e ../../ready ]; do sleep 0.1; done"  # another's FOREVER, in the folder of all jobs
)
QUICK = {"wait_time_for_group_job": 0, "monitor_group_job_wait_time": 1}


def member(name: str, text: str, **fields):
    settings = {**QUICK, **fields}
    called = settings.pop("called", "slurm_a")
    return submission(
        name,
        SlurmExecutor(**settings),
        command=("bash", "-c", text),
        group="pair",
        called=called,
    )


def outcome(ended):
    return ended["exit_code"], ended["signal"], ended["reason"]


def test_members_share_the_nodes_and_have_their_own_logs_and_evidence(place):
    server = member("server", "echo I serve on $SLURMD_NODENAME; sleep 2")
    client = member("client", "echo I ask $0; sleep 1; exit 4")

    native_id = place.submit(unit(server, client))

    assert outcome(place.ended(client)) == (4, None, "EXIT_CODE")
    assert outcome(place.ended(server)) == (0, None, None)
    assert "I serve on b" in place.log(server)
    assert "I ask bash" in place.log(client)
    assert place.begun(server)["native_id"] == place.begun(client)["native_id"] == native_id
    assert place.state(native_id) == "FAILED"
    assert place.cluster.run("scontrol", "show", "job", native_id).count("ExitCode=4:0") == 1


def test_all_lets_every_member_run_to_its_own_end(place):
    first, last = member("first", "exit 3"), member("last", "sleep 4")

    place.submit(unit(first, last), policy="all")

    assert outcome(place.ended(last)) == (0, None, None)


def test_any_failed_ends_the_others_when_one_has_failed(place):
    done_too = "until [ -e ../../done ]; do sleep 0.1; done; sleep 2"
    done, failed = (
        member("done", "touch ../../done"),
        member("failed", f"{AWAIT}; {done_too}; exit 3"),
    )
    others = member("others", f"trap 'echo told; exit 0' TERM; {FOREVER}")

    native_id = place.submit(unit(done, failed, others), policy="any_failed")

    assert outcome(place.ended(others)) == (0, None, "GROUP_FAILED")
    assert outcome(place.ended(failed)) == (3, None, "EXIT_CODE")
    assert outcome(place.ended(done)) == (0, None, None)
    assert "told" in place.log(others)
    assert place.state(native_id) == "FAILED"


def test_first_done_is_a_success_of_all_when_the_first_succeeded(place):
    first, others = member("first", AWAIT), member("others", FOREVER)

    native_id = place.submit(unit(first, others), policy="first_done")

    assert outcome(place.ended(others)) == (None, "SIGTERM", "GROUP_DONE")
    assert place.state(native_id) == "COMPLETED"


def test_without_the_monitor_nobody_is_ended(place):
    failed = member("failed", "exit 3", monitor_group_job=False)
    others = member("others", "sleep 4", monitor_group_job=False)

    place.submit(unit(failed, others), policy="any_failed")

    assert outcome(place.ended(others)) == (0, None, None)


def test_a_member_that_does_not_listen_is_killed(place):
    failed = member("failed", f"{AWAIT}; exit 3")
    others = member("others", f"trap '' TERM; {FOREVER}")

    place.submit(unit(failed, others), policy="any_failed")

    assert outcome(place.ended(others)) == (None, "SIGKILL", "GROUP_FAILED")


def test_members_start_one_after_the_other(place):
    first = member("first", "true", wait_time_for_group_job=4)
    second = member("second", "date +%s.%N", wait_time_for_group_job=4)

    place.submit(unit(first, second))

    place.ended(second)
    # From where the script began, and not from the first's own words: they may come late.
    began = datetime.fromisoformat(place.begun(first)["started_at"]).timestamp()
    assert float(place.log(second).split()[0]) - began >= 4


def test_a_controller_that_is_away_when_a_member_is_to_start_is_waited_for(place_to_break):
    place = place_to_break
    early = member("early", f"touch ../../ready; {AWAIT.replace('ready', 'late')}")
    late = member(
        "late", "touch ../../late; exit 4", setup_lines=AWAIT.replace("../../ready", "go")
    )
    place.submit(unit(early, late), policy="any_failed")
    place.soon(place.see(f"{place.paths.experiment}/jobs/ready"), 60)

    place.cluster.faults.stop_slurmctld()
    place.code("go", "")
    place.says(late, "it tries again")
    place.cluster.faults.start_slurmctld()

    assert outcome(place.ended(late)) == (4, None, "EXIT_CODE")
    assert place.ended(early)["reason"] in (None, "GROUP_FAILED")
    assert "tries again" not in place.log(early)


def test_a_cancelled_group_says_so_for_every_member(place):
    one, other = member("one", FOREVER), member("other", FOREVER)
    native_id = place.submit(unit(one, other))
    place.says(one, "ready")
    place.says(other, "ready")

    place.cluster.run("scancel", native_id)

    assert place.ended(one)["reason"] == place.ended(other)["reason"] == "CANCELLED"


def test_members_find_each_other(place):
    text = "echo hosts $NEMORUN_GROUP_HOSTS here $SLURMD_NODENAME head $MASTER_ADDR"
    one = member("one", text, heterogeneous=True)
    other = member("other", text, heterogeneous=True)

    place.submit(unit(one, other))

    assert outcome(place.ended(one)) == outcome(place.ended(other)) == (0, None, None)
    hosts, here = place.log(other).split()[1], place.log(other).split()[3]
    assert len(hosts.split(",")) == 2
    assert here != place.log(one).split()[3]


def test_members_of_a_heterogeneous_job_have_their_own_resources(place):
    text = (
        "echo cpus $SLURM_CPUS_PER_TASK gpus ${CUDA_VISIBLE_DEVICES-none} "
        "rank ${RANK-none} of ${WORLD_SIZE-none}; exit $CODE"
    )
    server = member(
        "server",
        text,
        heterogeneous=True,
        gpus_per_node=2,
        cpus_per_task=4,
        env_vars={"CODE": "0"},
    )
    client = member(
        "client",
        text,
        called="slurm_b",
        heterogeneous=True,
        ntasks_per_node=2,
        env_vars={"CODE": "6"},
    )

    place.submit(unit(server, client))

    assert place.ended(client)["exit_code"] == 6
    assert place.ended(server)["exit_code"] == 0
    assert "cpus 4 gpus 0,1 rank none of none" in place.log(server)
    assert "rank 1 of 2" in place.log(client)
    assert "gpus none" in place.log(client)


def test_members_of_a_heterogeneous_job_can_share_a_component(place):
    text = "echo on $SLURMD_NODENAME; sleep 1"
    members = [
        member(name, text, heterogeneous=True, het_group_indices=[0, 1, 1])
        for name in ("one", "two", "three")
    ]

    place.submit(unit(*members))

    assert [place.ended(one)["exit_code"] for one in members] == [0, 0, 0]
    one, two, three = (place.log(each).split("on ")[1].split()[0] for each in members)
    assert two == three != one


@pytest.mark.parametrize("is_het", [False, True], ids=["shared", "heterogeneous"])
def test_a_policy_ends_the_members_of_either_form(place, is_het):
    failed = member("failed", f"{AWAIT}; exit 3", heterogeneous=is_het)
    others = member("others", FOREVER, heterogeneous=is_het)

    place.submit(unit(failed, others), policy="any_failed")

    assert outcome(place.ended(others)) == (None, "SIGTERM", "GROUP_FAILED")


def test_a_group_that_is_requeued_is_another_attempt_of_every_member(place):
    text = f'echo "attempt $NEMORUN_ATTEMPT"; [ $NEMORUN_ATTEMPT = 2 ] || {{ {FOREVER}; }}'
    members = [member(name, text, requeue=True) for name in ("one", "other")]
    native_id = place.submit(unit(*members))
    for one in members:
        place.says(one, "ready")

    place.cluster.run("scontrol", "requeue", native_id)

    for one in members:
        assert outcome(place.ended(one, attempt=2)) == (0, None, None)
        assert json.loads(json.dumps(place.ended(one)))["reason"] == "REQUEUED"
        assert "attempt 2" in place.log(one, attempt=2)


@pytest.mark.parametrize(
    ("reason", "state"),
    [("GROUP_DONE", State.SUCCEEDED), ("GROUP_FAILED", State.CANCELLED)],
    ids=str,
)
def test_a_member_that_the_policy_ended_is_what_the_policy_says(reason, state):
    ended = {"exit_code": None, "signal": "SIGTERM", "reason": reason}

    fact = fact_of(Evidence(ended=ended))

    assert (fact.state, fact.reason) == (state, reason)
