"""What goes together in one sbatch."""

from __future__ import annotations

import pytest

from nemorun_discover.errors import ConfigError
from nemorun_discover.executors.slurm import SlurmExecutor
from nemorun_discover.model.job import Condition
from nemorun_discover.schedulers.slurm.units import Form, units_of
from tests.schedulers.slurm.place import submission


def sweep(count=3, **keywords):
    return [submission(f"train[n={number}]", **keywords) for number in range(count)]


def shape_of(units):
    return [(one.form, len(one.submissions)) for one in units]


def test_jobs_that_differ_in_parameters_only_are_one_array():
    assert shape_of(units_of(sweep(), max_array_size=1001)) == [(Form.ARRAY, 3)]


def test_an_array_is_split_at_what_the_cluster_allows():
    units = units_of(sweep(5), max_array_size=2)

    assert shape_of(units) == [(Form.ARRAY, 2), (Form.ARRAY, 2), (Form.JOB, 1)]
    assert len({one.name for one in units}) == 3


@pytest.mark.parametrize(
    "other",
    [
        {"task": "eval"},
        {"called": "slurm_b"},
        {"attempt": 2},
        {"timeout_s": 60},
        {"waits_for": {"prepare@slurm_a": Condition.OK}},
    ],
    ids=lambda one: next(iter(one)),
)
def test_jobs_that_differ_in_more_are_apart(other):
    first, second = submission("train[n=0]"), submission("train[n=1]", **other)

    assert shape_of(units_of([first, second], max_array_size=9)) == [(Form.JOB, 1), (Form.JOB, 1)]


def test_arrays_can_be_switched_off():
    jobs = sweep(executor=SlurmExecutor(array=False))

    assert shape_of(units_of(jobs, max_array_size=9)) == [(Form.JOB, 1)] * 3


def test_a_text_for_array_is_refused_with_what_to_do_instead():
    with pytest.raises(ConfigError, match="would run one job several times") as caught:
        units_of(sweep(executor=SlurmExecutor(array="0-9")), max_array_size=9)

    assert "sweep a parameter" in caught.value.hint


@pytest.mark.parametrize(
    ("is_het", "form"), [(False, Form.GROUP), (True, Form.HETEROGENEOUS)], ids=str
)
def test_members_of_a_group_are_one_unit(is_het, form):
    executor = SlurmExecutor(heterogeneous=is_het)
    members = [submission(name, executor, group="pair") for name in ("one", "other")]

    assert shape_of(units_of(members, max_array_size=9)) == [(form, 2)]


def test_a_unit_has_the_same_name_and_key_whenever_it_is_made():
    first, second = units_of(sweep(), max_array_size=9), units_of(sweep(), max_array_size=9)

    assert [one.key for one in first] == [one.key for one in second]
    assert first[0].key == f"20261122-0712-lab-x7k2/{first[0].name}"
