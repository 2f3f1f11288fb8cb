"""Secrets stay out of what is written down, and come back where they belong."""

from __future__ import annotations

import json
import os

import pytest

from nemorun_discover.errors import ConfigError
from nemorun_discover.executors.codec import executor_to_dict
from nemorun_discover.executors.local import LocalExecutor
from nemorun_discover.lifecycle.carry_on import carry_on
from nemorun_discover.lifecycle.secrets import hidden_in, hide, reveal
from nemorun_discover.model.state import State
from nemorun_discover.secrets import masked_argv

EXECUTOR = {
    "kind": "slurm",
    "account": "me",
    "secrets": ["HF_TOKEN"],
    "env_vars": {"WANDB_API_KEY": "k3y", "MODE": "fast", "EMPTY_TOKEN": ""},
    "tunnel": {"kind": "ssh", "host": "login", "password": "pa ss"},
    "retries": 3,
    "token_count": 5,
}


def test_values_under_secret_names_are_taken_out():
    table, values = hide(EXECUTOR)

    assert values == {"WANDB_API_KEY": "k3y", "password": "pa ss"}
    assert "k3y" not in json.dumps(table)
    assert "pa ss" not in json.dumps(table)
    assert table["env_vars"] == {
        "WANDB_API_KEY": {"$secret": "WANDB_API_KEY"},
        "MODE": "fast",
        "EMPTY_TOKEN": "",
    }
    assert (table["secrets"], table["token_count"]) == (["HF_TOKEN"], 5)


def test_hiding_changes_nothing_of_the_callers():
    before = json.dumps(EXECUTOR)

    hide(EXECUTOR)

    assert json.dumps(EXECUTOR) == before


def test_what_was_hidden_is_revealed_again():
    table, values = hide(EXECUTOR)

    assert reveal(table, values) == EXECUTOR
    assert sorted(hidden_in(table)) == ["WANDB_API_KEY", "password"]


def test_nothing_is_hidden_where_nothing_is_secret():
    table, values = hide({"kind": "local", "env_vars": {"A": "b"}})

    assert (table, values) == ({"kind": "local", "env_vars": {"A": "b"}}, {})
    assert hidden_in(table) == []


def test_a_value_that_is_not_known_any_more_is_named():
    table, _ = hide(EXECUTOR)

    with pytest.raises(ConfigError) as raised:
        reveal(table, {"password": "x"})

    assert raised.value.message.startswith("the value of WANDB_API_KEY is not written down")
    assert "export WANDB_API_KEY=…" in raised.value.hint


@pytest.mark.parametrize(
    ("argv", "masked"),
    [
        (["run", "lr=0.1"], ["run", "lr=0.1"]),
        (
            ["-o", "profiles.a.env_vars.WANDB_API_KEY=k3y"],
            ["-o", "profiles.a.env_vars.WANDB_API_KEY=***"],
        ),
        (["-oprofiles.a.env_vars.HF_TOKEN=k3y"], ["-oprofiles.a.env_vars.HF_TOKEN=***"]),
        (["--set", "train.api_key=k3y"], ["--set", "train.api_key=***"]),
        (["--set=train.api_key=k3y"], ["--set=train.api_key=***"]),
        (["api_key=a=b"], ["api_key=***"]),
        (["env_vars={TOKEN = 'k3y', A = 'b'}"], ["env_vars={TOKEN = ***"]),
        (['env_vars={"TOKEN": "k3y"}'], ['env_vars={"TOKEN": ***']),
        (["--", "--api-key", "k3y", "x"], ["--", "--api-key", "***", "x"]),
        (["--", "--token=k3y"], ["--", "--token=***"]),
        (["--", "--token", "--verbose"], ["--", "--token", "--verbose"]),
        (["max_tokens=5", "tokenizer=bert"], ["max_tokens=5", "tokenizer=bert"]),
        (["-k", "key"], ["-k", "key"]),
        (["train.py::f", "a\udcff"], ["train.py::f", "a?"]),
        (["WANDB_API_KEY="], ["WANDB_API_KEY=***"]),
    ],
    ids=[
        "plain", "option", "attached", "set", "set=", "two equals", "toml table", "json table", "next word",
        "flag=", "next flag", "no secrets", "-k", "bytes", "empty",
    ],
)  # fmt: skip
def test_a_command_line_keeps_its_secrets_to_itself(argv, masked):
    assert masked_argv(argv) == tuple(masked)


SLOW = """
    import os, time
    def f():
        open("starts", "a").write("x")
        while not os.path.exists("go"):
            time.sleep(0.02)
        return os.environ["WANDB_API_KEY"] == "sesame"
    def g():
        pass
"""


def launch_with_a_secret(lab, *jobs):
    lab.write(SLOW)
    executor = LocalExecutor(env_vars={"WANDB_API_KEY": {"$secret": "WANDB_API_KEY"}})
    experiment = lab.launch(
        *jobs,
        executors={"local": executor_to_dict(executor)},
        secrets={"local": {"WANDB_API_KEY": "sesame"}},
    )
    lab.wait_until((lab.root / "starts").exists)
    return experiment


def test_a_driver_that_does_not_know_a_secret_leaves_running_jobs_alone(lab):
    experiment = launch_with_a_secret(lab, lab.job("f"))
    lab.kill_driver(experiment)
    assert "WANDB_API_KEY" not in os.environ

    carry_on(lab.home, experiment)
    (lab.root / "go").touch()
    status = lab.finish(experiment).jobs[0]

    assert (status.state, status.result) == (State.SUCCEEDED, True)
    assert (lab.root / "starts").read_text() == "x"


def test_a_driver_that_does_not_know_a_secret_starts_no_job_without_it(lab):
    experiment = launch_with_a_secret(lab, lab.job("f"), lab.job("g", after={"f": ("f@local",)}))
    lab.kill_driver(experiment)

    carry_on(lab.home, experiment)
    (lab.root / "go").touch()
    first, second = lab.finish(experiment).jobs

    assert first.state is State.SUCCEEDED
    assert (second.state, second.reason) == (State.FAILED, "START_FAILED")
    journal = lab.home.layout.experiment(experiment).events.read_text()
    assert "the value of WANDB_API_KEY is not written down anywhere" in journal


def test_a_driver_finds_a_secret_in_its_own_shell(lab, monkeypatch):
    experiment = launch_with_a_secret(lab, lab.job("f"), lab.job("g", after={"f": ("f@local",)}))
    lab.kill_driver(experiment)
    monkeypatch.setenv("WANDB_API_KEY", "sesame")

    carry_on(lab.home, experiment)
    (lab.root / "go").touch()

    assert [job.state for job in lab.finish(experiment).jobs] == [State.SUCCEEDED] * 2


@pytest.mark.parametrize(
    "executor",
    [
        LocalExecutor(env_vars={"WANDB_API_KEY": {"$secret": "WANDB_API_KEY"}}),
        LocalExecutor(secrets=["WANDB_API_KEY"]),
    ],
    ids=["env_vars", "secrets"],
)
def test_a_plan_whose_secret_is_not_known_is_refused_before_anything_is_written(lab, executor):
    lab.write(SLOW)

    with pytest.raises(ConfigError, match="the value of WANDB_API_KEY is not written down"):
        lab.launch(lab.job("g"), executors={"local": executor_to_dict(executor)})

    assert lab.home.ids() == []
