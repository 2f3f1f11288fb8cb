"""Jobs that wait for an upstream job to end well, to end at all, or to fail."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nemorun_discover.executors.codec import executor_to_dict
from nemorun_discover.executors.local import LocalExecutor
from nemorun_discover.lifecycle.cancel import cancel
from nemorun_discover.model.job import Condition
from nemorun_discover.model.state import State

TASKS = """
import os, time
def f(fails=False):
    if fails:
        raise SystemExit(3)
    return "from f"
def slow():
    open("slow", "w").close()
    while not os.path.exists("go"):
        time.sleep(0.02)
def g():
    upstream = nemorun.upstream("f")
    return [upstream.job_id, upstream.result]
def h():
    return "h"
"""


def after_f(lab, function, condition, upstream="f"):
    name = f"{upstream}@local"
    return lab.job(function, after={upstream: (name,)}, conditions={name: Condition(condition)})


@pytest.mark.parametrize(
    ("condition", "fails", "state", "reason"),
    [
        ("ok", False, State.SUCCEEDED, None),
        ("ok", True, State.SKIPPED, "UPSTREAM_FAILED"),
        ("any", False, State.SUCCEEDED, None),
        ("any", True, State.SUCCEEDED, None),
        ("notok", False, State.SKIPPED, "UPSTREAM_SUCCEEDED"),
        ("notok", True, State.SUCCEEDED, None),
    ],
    ids=str,
)
def test_a_job_starts_when_its_condition_has_come_true(lab, condition, fails, state, reason):
    lab.write(TASKS)

    jobs = lab.run(lab.job("f", params={"fails": fails}), after_f(lab, "h", condition))

    assert (jobs["h"].state, jobs["h"].reason) == (state, reason)


@pytest.mark.parametrize("fails", [False, True], ids=["succeeded", "failed"])
def test_a_job_after_any_end_finds_the_upstream_job_and_its_result_if_there_is_one(lab, fails):
    lab.write(TASKS)

    jobs = lab.run(lab.job("f", params={"fails": fails}), after_f(lab, "g", "any"))

    assert jobs["g"].result == ["f@local", None if fails else "from f"]


def test_a_skipped_job_has_ended_without_success(lab):
    lab.write(TASKS)

    jobs = lab.run(
        lab.job("f", params={"fails": True}),
        after_f(lab, "g", "ok"),
        after_f(lab, "h", "notok", upstream="g"),
    )

    assert (jobs["g"].state, jobs["h"].state) == (State.SKIPPED, State.SUCCEEDED)


def test_a_cancelled_job_has_ended_without_success(lab):
    lab.write(TASKS)
    experiment = lab.launch(lab.job("slow"), after_f(lab, "h", "notok", upstream="slow"))
    lab.wait_until((lab.root / "slow").exists)

    cancel(lab.home, experiment, ["slow@local"])

    states = [job.state for job in lab.finish(experiment).jobs]
    assert states == [State.CANCELLED, State.SUCCEEDED]


def test_a_condition_that_can_never_come_true_skips_all_that_waits_in_vain(lab):
    lab.write(TASKS)

    jobs = lab.run(lab.job("f"), after_f(lab, "h", "notok"), after_f(lab, "g", "ok", upstream="h"))

    assert [(jobs[one].state, jobs[one].reason) for one in "hg"] == [
        (State.SKIPPED, "UPSTREAM_SUCCEEDED"),
        (State.SKIPPED, "UPSTREAM_FAILED"),
    ]


def on(executor, job):
    """The job on an executor of that name, which has settings of its own."""
    name = f"{job.function}@{executor}"
    return replace(job, id=name, slug=name, executor=executor)


def test_conditions_and_maxfail_hold_between_executors(lab):
    lab.write(TASKS)
    executors = {
        name: executor_to_dict(LocalExecutor(max_parallel=one))
        for one, name in enumerate(("local", "other"), 1)
    }
    failing = lab.job("f", params={"fails": True})
    waiting = [
        on("other", after_f(lab, "h", "any")),
        replace(on("other", after_f(lab, "h", "notok")), id="n@other", slug="n@other"),
        on("other", after_f(lab, "g", "ok")),
    ]

    jobs = lab.run(failing, *waiting, executors=executors)
    limited = lab.run(failing, *waiting, executors=executors, maxfail=1)

    assert [(jobs[one].state, jobs[one].reason) for one in "fhng"] == [
        (State.FAILED, "EXIT_CODE"),
        (State.SUCCEEDED, None),
        (State.SUCCEEDED, None),
        (State.SKIPPED, "UPSTREAM_FAILED"),
    ]
    assert [limited[one].state for one in "fhng"] == [State.FAILED, *[State.SKIPPED] * 3]
    assert {limited[one].reason for one in "hn"} == {"MAXFAIL"}
