"""The example project's tasks, called as the plain functions they stay."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

import nemorun

TASKS = Path(__file__).parents[2] / "example_project" / "tasks"


def load_task(name):
    spec = importlib.util.spec_from_file_location(f"example_{name}", TASKS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, name)


def test_evaluate_reads_what_train_saved(tmp_path, capsys):
    trained = load_task("train")(hidden=16, epochs=1, output_dir=tmp_path)
    lines = capsys.readouterr().out

    judged = load_task("evaluate")(hidden=16, network_file=tmp_path / "network.json")

    assert lines.startswith("epoch 1/1  loss ")
    assert trained.keys() == judged.keys() == {"accuracy", "loss", "seconds"}
    assert judged["accuracy"] > 0.8
    assert "read as" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["train", "evaluate", "report"], ids=str)
def test_a_task_without_a_place_to_work_says_it_is_outside_a_job(name):
    task = load_task(name)

    with pytest.raises(nemorun.OutsideJob, match="outside a job"):
        task()
