"""The public names, and what they cost."""

from __future__ import annotations

import subprocess
import sys

import pytest

import nemorun


@pytest.mark.parametrize("name", nemorun.__all__)
def test_every_public_name_is_there(name):
    assert getattr(nemorun, name) is not None
    assert name in dir(nemorun)


def test_importing_nemorun_imports_nothing_else_of_it():
    program = "import sys, nemorun; print(sorted(one for one in sys.modules if one.startswith('nemorun')))"

    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert answer.stdout == "['nemorun', 'nemorun_discover']\n"


def test_run_is_a_function_whatever_was_imported():
    program = (
        "import nemorun.core.execution, nemorun; print(nemorun.run.__name__, callable(nemorun.run))"
    )

    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert answer.stdout == "run True\n"


def test_a_failed_job_carries_the_results():
    error = nemorun.JobFailed("it failed", hint="look", results=(1, 2))

    assert (str(error), error.hint, error.results) == ("it failed", "look", (1, 2))
    assert nemorun.JobFailed("it failed").results == ()
