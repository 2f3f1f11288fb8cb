"""What an executor's settings become in `#SBATCH` lines."""

from __future__ import annotations

import pytest

from nemorun_discover.errors import ConfigError
from nemorun_discover.executors.launchers import Torchrun
from nemorun_discover.executors.slurm import SlurmExecutor, SlurmJobDetails
from nemorun_discover.schedulers.slurm.directives import directive_lines, job_name
from nemorun_discover.schedulers.slurm.paths import ClusterPaths
from nemorun_discover.schedulers.slurm.quoting import directive_value
from tests.schedulers.slurm.place import EXPERIMENT, submission, unit

PATHS = ClusterPaths(base="/scratch/me/.run", experiment_id=EXPERIMENT)


def lines_of(executor, *, paths=PATHS, **keywords):
    return directive_lines(unit(submission("train", executor, **keywords)), paths, key="k")


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"account": "a"}, "--account=a"),
        ({"partition": "a,b"}, "--partition=a,b"),
        ({"time": "1-00:00:00"}, "--time=1-00:00:00"),
        ({"nodes": 3}, "--nodes=3"),
        ({"ntasks_per_node": 2}, "--ntasks-per-node=2"),
        ({"cpus_per_task": 4}, "--cpus-per-task=4"),
        ({"cpus_per_gpu": 4}, "--cpus-per-gpu=4"),
        ({"gpus_per_node": 8}, "--gpus-per-node=8"),
        ({"gpus_per_task": 1}, "--gpus-per-task=1"),
        ({"qos": "high"}, "--qos=high"),
        ({"mem": "64G"}, "--mem=64G"),
        ({"mem_per_gpu": "8G"}, "--mem-per-gpu=8G"),
        ({"mem_per_cpu": "2G"}, "--mem-per-cpu=2G"),
        ({"comment": "mine"}, '--comment="mine nemorun=k"'),
        ({"constraint": "a|b"}, '--constraint="a|b"'),
        ({"exclude": "n[1-2]"}, "--exclude=n[1-2]"),
        ({"gres": "gpu:a100:4"}, "--gres=gpu:a100:4"),
        ({"signal": "B:USR1@60"}, "--signal=B:USR1@60"),
        ({"exclusive": True}, "--exclusive"),
        ({"exclusive": "user"}, "--exclusive=user"),
        ({"open_mode": "truncate"}, "--open-mode=truncate"),
        ({"requeue": True}, "--requeue"),
        ({"requeue": False}, "--no-requeue"),
        ({"segment": 4}, "--segment=4"),
        ({"network": "sharp"}, "--network=sharp"),
        ({"additional_parameters": {"mail-type": "END"}}, "--mail-type=END"),
        ({"additional_parameters": {"mail_user": "me"}}, "--mail-user=me"),
        ({"additional_parameters": {"overcommit": True}}, "--overcommit"),
    ],
    ids=lambda one: next(iter(one)) if isinstance(one, dict) else "",
)
def test_a_setting_becomes_its_option(settings, line):
    assert f"#SBATCH {line}" in lines_of(SlurmExecutor(**settings))


@pytest.mark.parametrize("value", [None, False], ids=str)
def test_an_additional_parameter_can_be_left_out(value):
    assert "overcommit" not in str(
        lines_of(SlurmExecutor(additional_parameters={"overcommit": value}))
    )


def test_an_additional_parameter_can_be_repeated_and_takes_the_place_of_a_field():
    lines = lines_of(SlurmExecutor(nodes=2, additional_parameters={"nodes": "2-4", "x": [1, 2]}))

    assert [one for one in lines if "--x" in one] == ["#SBATCH --x=1", "#SBATCH --x=2"]
    assert [one for one in lines if "--nodes" in one] == ["#SBATCH --nodes=2-4"]


@pytest.mark.parametrize("option", ["output", "comment", "array", "job_name", "--chdir"], ids=str)
def test_what_is_nemoruns_own_cannot_be_taken_from_it(option):
    with pytest.raises(ConfigError, match="nemorun's own"):
        lines_of(SlurmExecutor(additional_parameters={option: "x"}))


def test_an_option_that_is_none_is_refused():
    with pytest.raises(ConfigError, match="which is no option"):
        lines_of(SlurmExecutor(additional_parameters={"x\n#SBATCH --account": "evil"}))


def test_a_line_break_in_a_value_is_refused_with_the_option():
    with pytest.raises(ConfigError, match=r"comment: .* has a line break"):
        lines_of(SlurmExecutor(comment="one\n#SBATCH --account=evil"))


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("plain", "plain"),
        ("two words", '"two words"'),
        ('a "b"', '"a \\"b\\""'),
        ("back\\slash", '"back\\\\slash"'),
        ("a#b", '"a#b"'),
        ("é", '"é"'),
        ("", '""'),
    ],
    ids=str,
)
def test_values_are_quoted_as_sbatch_reads_them(value, written):
    assert directive_value(value, "comment") == written


@pytest.mark.parametrize(("timeout_s", "minutes"), [(1, 1), (60, 1), (61, 2), (7200, 120)], ids=str)
def test_a_tasks_own_limit_is_the_jobs_in_whole_minutes(timeout_s, minutes):
    assert f"#SBATCH --time={minutes}" in lines_of(SlurmExecutor(), timeout_s=timeout_s)


def test_the_executors_limit_wins_over_the_tasks():
    lines = lines_of(SlurmExecutor(time="2:00:00"), timeout_s=60)

    assert [one for one in lines if "--time" in one] == ["#SBATCH --time=2:00:00"]


def test_a_launcher_gets_one_task_a_node_as_large_as_those_it_starts():
    lines = lines_of(
        SlurmExecutor(ntasks_per_node=4, cpus_per_task=3, gpus_per_task=1, launcher=Torchrun())
    )

    for option in ("--ntasks-per-node=1", "--cpus-per-task=12", "--gpus-per-task=4"):
        assert f"#SBATCH {option}" in lines


def test_a_percent_sign_in_a_path_is_no_pattern_of_slurm():
    lines = lines_of(SlurmExecutor(), paths=ClusterPaths(base="/100%j", experiment_id=EXPERIMENT))

    assert "--output=/100%%j/" in str(lines)
    assert "--chdir=/100%j/" in str(lines)


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({}, "train.x7k2"),
        ({"account": "research"}, "research.train.x7k2"),
        ({"account": "research", "job_name_prefix": ""}, "train.x7k2"),
        ({"job_name_prefix": "me-"}, "me-train.x7k2"),
        ({"job_details": SlurmJobDetails(job_name="mine")}, "mine"),
    ],
    ids=["plain", "account", "no prefix", "prefix", "own"],
)
def test_a_jobs_name_begins_with_what_tells_it_from_others(settings, name):
    assert job_name(unit(submission("train", SlurmExecutor(**settings)))) == name
