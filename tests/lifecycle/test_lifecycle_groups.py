"""Groups of jobs: they start together, and the end of one may be the end of all. Real processes."""

from __future__ import annotations

import json
import os
import signal

import pytest

from nemorun_discover.executors.codec import executor_to_dict
from nemorun_discover.executors.local import LocalExecutor
from nemorun_discover.lifecycle.cancel import cancel
from nemorun_discover.lifecycle.carry_on import carry_on
from nemorun_discover.model.event import EventType
from nemorun_discover.model.record import GroupPolicy
from nemorun_discover.model.state import State
from nemorun_discover.store.journal import append_events, read_events

TASKS = """
import os, socket, time
def mark(name):
    open(name, "w").close()
def wait_for(name):
    while not os.path.exists(name):
        time.sleep(0.02)
def a():
    mark("a")
    wait_for("go")
    return "a"
def b():
    mark("b")
    wait_for("go")
    return "b"
def c():
    mark("c")
    wait_for("go c")
    return "c"
def meet(own, other):
    mark(own)
    wait_for(other)
def fails():
    mark("fails")
    wait_for("fail")
    raise SystemExit(4)
def server():
    listener = socket.create_server(("127.0.0.1", 0))
    with open("port.draft", "w") as file:
        file.write(str(listener.getsockname()[1]))
    os.rename("port.draft", "port")
    while True:
        connection, _ = listener.accept()
        connection.sendall(b"hello")
        connection.close()
def client():
    wait_for("port")
    with socket.create_connection(("127.0.0.1", int(open("port").read()))) as connection:
        return connection.recv(100).decode()
"""


@pytest.fixture
def shop(lab):
    lab.write(TASKS)
    return lab


def member(lab, function, **fields):
    return lab.job(function, group="g", **fields)


def launch(lab, *jobs, policy="all", **fields):
    return lab.launch(*jobs, groups={"g": GroupPolicy(policy)}, **fields)


def ends(lab, experiment):
    return {
        job.id.partition("@")[0]: (job.state, job.reason) for job in lab.finish(experiment).jobs
    }


def wait_for(lab, *names):
    for name in names:
        lab.wait_until((lab.root / name).exists)


def journal_of(lab, experiment):
    return read_events(lab.home.layout.experiment(experiment).events)[0]


def started(lab):
    return {one for one in "abc" if (lab.root / one).exists()}


CANCELLED = (State.CANCELLED, None)
GROUP_FAILED = (State.CANCELLED, "GROUP_FAILED")
GROUP_DONE = (State.SUCCEEDED, "GROUP_DONE")
SUCCEEDED = (State.SUCCEEDED, None)
FAILED = (State.FAILED, "EXIT_CODE")


def test_members_run_at_the_same_time(shop):
    experiment = launch(
        shop,
        member(shop, "meet", id="x@local", slug="x", params={"own": "x", "other": "y"}),
        member(shop, "meet", id="y@local", slug="y", params={"own": "y", "other": "x"}),
    )

    assert ends(shop, experiment) == {"x": SUCCEEDED, "y": SUCCEEDED}


def test_all_intents_are_in_the_journal_before_the_first_member_is_submitted(shop):
    (shop.root / "go").touch()

    experiment = launch(shop, member(shop, "a"), member(shop, "b"))

    shop.finish(experiment)
    kinds = [(one.type, one.job) for one in journal_of(shop, experiment)[:3]]
    assert kinds == [
        (EventType.INTENT, "a@local"),
        (EventType.INTENT, "b@local"),
        (EventType.SUBMITTED, "a@local"),
    ]


def test_a_server_is_stopped_when_its_client_is_done_and_has_succeeded_then(shop):
    experiment = launch(shop, member(shop, "server"), member(shop, "client"), policy="first_done")

    found = ends(shop, experiment)

    assert found == {"server": GROUP_DONE, "client": SUCCEEDED}
    status = shop.finish(experiment)
    assert status.state is State.SUCCEEDED
    assert [job.result for job in status.jobs] == [None, "hello"]


def test_a_server_whose_client_failed_is_cancelled(shop):
    (shop.root / "fail").touch()

    experiment = launch(shop, member(shop, "server"), member(shop, "fails"), policy="first_done")

    assert ends(shop, experiment) == {"server": GROUP_FAILED, "fails": FAILED}
    assert shop.finish(experiment).state is State.FAILED


def test_a_member_that_fails_stops_the_others_under_any_failed(shop):
    experiment = launch(shop, member(shop, "a"), member(shop, "fails"), policy="any_failed")
    wait_for(shop, "a", "fails")

    (shop.root / "fail").touch()

    assert ends(shop, experiment) == {"a": GROUP_FAILED, "fails": FAILED}


@pytest.mark.parametrize("policy", ["all", "any_failed"])
def test_a_member_that_succeeds_stops_nobody(shop, policy):
    experiment = launch(shop, member(shop, "a"), member(shop, "c"), policy=policy)
    wait_for(shop, "a", "c")

    (shop.root / "go").touch()
    shop.wait_until(lambda: shop.status_of(experiment, "a@local").state is State.SUCCEEDED)
    (shop.root / "go c").touch()

    assert ends(shop, experiment) == {"a": SUCCEEDED, "c": SUCCEEDED}


def test_under_all_the_others_go_on_when_one_has_failed(shop):
    (shop.root / "fail").touch()
    experiment = launch(shop, member(shop, "fails"), member(shop, "a"))
    shop.wait_until(lambda: shop.status_of(experiment, "fails@local").state is State.FAILED)
    wait_for(shop, "a")

    (shop.root / "go").touch()

    assert ends(shop, experiment) == {"fails": FAILED, "a": SUCCEEDED}


@pytest.mark.parametrize(
    ("policy", "rest"),
    [("all", SUCCEEDED), ("any_failed", GROUP_FAILED), ("first_done", GROUP_FAILED)],
    ids=["all", "any_failed", "first_done"],
)
def test_cancelling_one_member_stops_the_others_where_the_policy_says_so(shop, policy, rest):
    experiment = launch(shop, member(shop, "a"), member(shop, "c"), policy=policy)
    wait_for(shop, "a", "c")

    cancel(shop.home, experiment, ["a@local"])
    shop.wait_until(lambda: shop.status_of(experiment, "a@local").state is State.CANCELLED)
    if policy == "all":
        (shop.root / "go c").touch()

    assert ends(shop, experiment) == {"a": CANCELLED, "c": rest}


def test_all_members_that_the_user_cancels_are_simply_cancelled(shop):
    experiment = launch(shop, member(shop, "a"), member(shop, "b"), policy="first_done")
    wait_for(shop, "a", "b")

    cancel(shop.home, experiment, ["a@local", "b@local"])

    assert ends(shop, experiment) == {"a": CANCELLED, "b": CANCELLED}


@pytest.mark.parametrize("limit", ["-j", "max_parallel"])
def test_a_group_waits_until_there_is_room_for_all_of_it(shop, limit):
    single = shop.job("c")
    executor = LocalExecutor(max_parallel=2 if limit == "max_parallel" else 4, grace_s=2)
    experiment = launch(
        shop,
        single,
        member(shop, "a"),
        member(shop, "b"),
        max_jobs=2 if limit == "-j" else None,
        executors={"local": executor_to_dict(executor)},
    )
    wait_for(shop, "c")

    waiting = [shop.status_of(experiment, f"{one}@local").state for one in "ab"]
    (shop.root / "go").touch()
    (shop.root / "go c").touch()

    assert waiting == [State.PLANNED, State.PLANNED]
    assert set(ends(shop, experiment).values()) == {SUCCEEDED}


@pytest.mark.parametrize("limit", ["-j", "max_parallel"])
def test_a_group_larger_than_all_the_room_starts_when_nothing_else_runs(shop, limit):
    (shop.root / "go c").touch()
    executor = LocalExecutor(max_parallel=1 if limit == "max_parallel" else 4, grace_s=2)

    experiment = launch(
        shop,
        shop.job("c"),
        member(shop, "a"),
        member(shop, "b"),
        max_jobs=1 if limit == "-j" else None,
        executors={"local": executor_to_dict(executor)},
    )
    wait_for(shop, "a", "b")
    (shop.root / "go").touch()

    assert set(ends(shop, experiment).values()) == {SUCCEEDED}
    told = [(one.job, one.state) for one in journal_of(shop, experiment)]
    assert told.index(("c@local", State.SUCCEEDED)) < told.index(("a@local", None))


def test_a_group_waits_for_what_one_of_its_members_waits_for(shop):
    experiment = launch(
        shop, shop.job("c"), member(shop, "a"), member(shop, "b", after={"c": ("c@local",)})
    )
    wait_for(shop, "c")

    assert started(shop) == {"c"}
    (shop.root / "go c").touch()
    wait_for(shop, "a", "b")
    (shop.root / "go").touch()

    assert set(ends(shop, experiment).values()) == {SUCCEEDED}


def test_a_group_is_skipped_as_a_whole(shop):
    (shop.root / "fail").touch()

    experiment = launch(
        shop, shop.job("fails"), member(shop, "a"), member(shop, "b", after={"f": ("fails@local",)})
    )

    skipped = (State.SKIPPED, "UPSTREAM_FAILED")
    assert ends(shop, experiment) == {"fails": FAILED, "a": skipped, "b": skipped}
    assert started(shop) == set()


def test_what_waits_for_a_member_that_was_stopped_after_a_success_runs(shop):
    (shop.root / "go").touch()

    experiment = launch(
        shop,
        member(shop, "server"),
        member(shop, "client"),
        shop.job("a", after={"server": ("server@local",)}),
        policy="first_done",
    )

    assert ends(shop, experiment)["a"] == SUCCEEDED


def broken(lab):
    """A member that cannot be started: its executor has no interpreter."""
    return member(lab, "a", id="broken@local", slug="broken", executor="nowhere")


@pytest.mark.parametrize(
    ("policy", "rest"),
    [("all", SUCCEEDED), ("any_failed", GROUP_FAILED), ("first_done", GROUP_FAILED)],
    ids=["all", "any_failed", "first_done"],
)
def test_a_member_that_cannot_be_started_ends_the_others(shop, policy, rest):
    (shop.root / "go").touch()
    nowhere = LocalExecutor(python="/no/such/python", max_parallel=4)
    executors = {"local": executor_to_dict(shop.executor), "nowhere": executor_to_dict(nowhere)}

    experiment = launch(shop, broken(shop), member(shop, "b"), policy=policy, executors=executors)

    found = ends(shop, experiment)
    assert found == {"broken": (State.FAILED, "START_FAILED"), "b": rest}
    assert started(shop) == ({"b"} if policy == "all" else set())


def test_a_group_that_can_never_have_room_fails_as_a_whole(shop):
    experiment = launch(
        shop,
        member(shop, "a"),
        member(shop, "b"),
        executors={"local": executor_to_dict(LocalExecutor(gpus=["0"], gpus_per_task=1))},
    )

    refused = (State.FAILED, "START_FAILED")
    assert ends(shop, experiment) == {"a": refused, "b": refused}
    assert started(shop) == set()


def test_a_member_is_not_tried_again(shop):
    (shop.root / "fail").touch()
    (shop.root / "go").touch()

    experiment = launch(shop, member(shop, "fails", retries=3), member(shop, "a"))

    assert ends(shop, experiment)["fails"] == FAILED
    assert shop.status_of(experiment, "fails@local").attempt == 1


def test_a_group_survives_its_driver_and_is_stopped_by_the_next_one(shop):
    experiment = launch(shop, member(shop, "a"), member(shop, "fails"), policy="any_failed")
    wait_for(shop, "a", "fails")
    shop.kill_driver(experiment)
    (shop.root / "fail").touch()
    paths = shop.home.layout.experiment(experiment).job("fails@local").attempt(1)
    shop.wait_until(paths.exit.exists)

    carry_on(shop.home, experiment)

    assert ends(shop, experiment) == {"a": GROUP_FAILED, "fails": FAILED}


def test_a_member_that_was_being_stopped_when_the_driver_died_is_known_as_stopped(shop):
    shop.write(TASKS + "\ndef done():\n    wait_for('finish')\n")
    experiment = launch(shop, member(shop, "a"), member(shop, "done"), policy="first_done")
    wait_for(shop, "a")
    shop.kill_driver(experiment)
    (shop.root / "finish").touch()
    layout = shop.home.layout.experiment(experiment)
    shop.wait_until(layout.job("done@local").attempt(1).exit.exists)
    # What the dead driver had done: told the member to end, and written down neither end.
    process = json.loads(layout.job("a@local").attempt(1).process.read_text())
    os.kill(process["pid"], signal.SIGTERM)
    shop.wait_until(layout.job("a@local").attempt(1).exit.exists)

    carry_on(shop.home, experiment)

    assert ends(shop, experiment) == {"a": GROUP_DONE, "done": SUCCEEDED}


def test_a_group_of_which_only_the_intents_were_written_is_started_by_the_next_driver(shop):
    experiment = launch(shop, member(shop, "a"), member(shop, "b"))
    wait_for(shop, "a", "b")
    shop.kill_driver(experiment)
    journal = shop.home.layout.experiment(experiment).events
    intents = [one for one in journal_of(shop, experiment) if one.type is EventType.INTENT]
    journal.unlink()
    append_events(journal, intents)

    carry_on(shop.home, experiment)
    (shop.root / "go").touch()

    assert ends(shop, experiment) == {"a": SUCCEEDED, "b": SUCCEEDED}


def test_a_driver_that_dies_before_the_first_intent_starts_the_whole_group_next_time(shop):
    experiment = launch(shop, shop.job("c"), member(shop, "a"), member(shop, "b"), max_jobs=2)
    wait_for(shop, "c")
    shop.kill_driver(experiment)
    (shop.root / "go c").touch()
    (shop.root / "go").touch()

    carry_on(shop.home, experiment)

    assert set(ends(shop, experiment).values()) == {SUCCEEDED}
