"""Which jobs went together, as another driver finds it."""

from __future__ import annotations

import pytest

from nemorun_discover.schedulers.slurm.planned import Planned
from nemorun_discover.schedulers.slurm.units import Form, attempt_key, units_of
from tests.schedulers.slurm.place import submission


def sweep(*numbers):
    return [submission(f"train[n={number}]") for number in numbers]


@pytest.fixture
def planned(tmp_path):
    return Planned(tmp_path / "units")


def test_jobs_that_were_planned_together_stay_together_whatever_else_is_submitted(planned):
    (before,) = units_of(sweep(0, 1, 2), max_array_size=9)
    planned.write(before)

    units = units_of(sweep(0, 1, 2, 3, 4), max_array_size=9, planned=planned.names())

    assert (units[0].name, units[0].form) == (before.name, before.form)
    assert (units[1].form, len(units[1].submissions)) == (Form.ARRAY, 2)


def test_the_ids_of_a_unit_s_jobs_are_known_all_at_once(planned):
    (unit,) = units_of(sweep(0, 1), max_array_size=9)
    planned.write(unit)
    assert planned.found(unit.submissions[0]) is None

    planned.write(unit, {attempt_key(one): f"66_{at}" for at, one in enumerate(unit.submissions)})

    assert [planned.found(one) for one in unit.submissions] == [
        (unit.key, "66_0"),
        (unit.key, "66_1"),
    ]
    assert planned.found(submission("train[n=0]", attempt=2)) is None


def test_a_job_alone_has_always_the_same_name_and_is_not_written_down(planned, tmp_path):
    (unit,) = units_of(sweep(0), max_array_size=9)

    planned.write(unit)

    assert planned.names() == {}
    assert not (tmp_path / "units").exists()
