"""A whole job through `python runtime.zip`, under every Python of this machine, with nothing installed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile

TASK = """
    from __future__ import annotations
    import enum
    from dataclasses import dataclass, field
    from pathlib import Path
    from typing import Dict, List, Optional

    import nemorun

    class Color(enum.Enum):
        RED = 1

    @dataclass
    class Config:
        color: Color
        where: Path | None = None
        sizes: list[int] = field(default_factory=list)

    @nemorun.task(tags=["x"], retries=1)
    @nemorun.parametrize("lr", [1, 2])
    def f(lr: float, config: Config, places: Dict[int, Path], names: Optional[List[str]] = None):
        here = nemorun.current()
        (here.output_dir / "model").write_text("weights")
        assert isinstance(lr, float) and isinstance(config.where, Path)
        return {"job": here.job_id, "config": config, "places": places, "attempt": here.attempt}
"""
PARAMS = {
    "lr": 1,
    "config": {"color": "RED", "where": "/data", "sizes": [1]},
    "places": {"3": "/x"},
    "names": None,
}


def test_a_job_runs_under_every_python_with_nothing_installed(bench, any_python):
    outcome = bench.run(TASK, python=[any_python, "-S"], params=PARAMS)

    assert outcome.exit_code == 0, outcome.log
    assert outcome.log == ""
    assert outcome.result == {
        "job": "f@local",
        "config": {"color": 1, "where": "/data", "sizes": [1]},
        "places": {"3": "/x"},
        "attempt": 1,
    }


def test_a_failure_is_described_under_every_python(bench, any_python):
    task = "def inner():\n    raise ValueError('boom')\ndef f():\n    inner()"

    outcome = bench.run(task, python=[any_python, "-S"])

    assert outcome.exit_code == 1
    assert (outcome.error["type"], outcome.error["message"]) == ("ValueError", "boom")
    assert (outcome.error["file"], outcome.error["line"]) == (str(bench.root / "tasks.py"), 2)
    frames = [line for line in outcome.log.splitlines() if line.startswith("  File")]
    assert [line.rpartition(" ")[2] for line in frames] == ["f", "inner"]


def test_bytecode_of_another_python_is_passed_over(bench, any_python):
    with zipfile.ZipFile(bench.runtime) as archive:
        assert "lib/nemorun_discover/worker/task.pyc" in archive.namelist()

    outcome = bench.run("def f():\n    return 1", python=[any_python])

    assert outcome.result == 1


def test_a_project_file_named_as_a_module_of_python_does_no_harm_to_the_worker(bench):
    for name in ("select", "token", "traceback", "json", "copy", "pathlib", "random"):
        bench.write("raise RuntimeError('not what was wanted')\n", f"{name}.py")

    outcome = bench.run("def f():\n    return 1")

    assert outcome.exit_code == 0, outcome.log
    assert outcome.result == 1


def test_a_task_imports_its_own_module_before_one_of_python(bench):
    bench.write("WORD = 'mine'\n", "statistics.py")

    outcome = bench.run("import statistics\ndef f():\n    return statistics.WORD")

    assert outcome.result == "mine"


def test_an_installed_nemorun_is_found_before_the_runtime(bench, tmp_path):
    installed = tmp_path / "site-packages"
    for name in ("nemorun", "nemorun_discover"):
        (installed / name).mkdir(parents=True)
        (installed / name / "__init__.py").write_text(f"whole = {name!r}\n")
    task = """
        import nemorun, nemorun_discover
        def f():
            return [nemorun.whole, nemorun_discover.whole]
    """

    outcome = bench.run(task, python=with_installed(installed))

    assert outcome.result == ["nemorun", "nemorun_discover"], outcome.log


def with_installed(directory):
    """A Python that has this directory after the standard library, where site-packages stands."""
    program = (
        "import runpy, sys; "
        f"sys.path.append({str(directory)!r}); sys.argv.pop(0); sys.path[0] = sys.argv[0]; "
        "runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    return [sys.executable, "-S", "-c", program]


def test_a_program_that_a_job_starts_finds_the_installed_nemorun_too(bench, tmp_path):
    (tmp_path / "nemorun.py").write_text("whole = True\n")
    program = (
        f"import sys; sys.path.append({str(tmp_path)!r}); import nemorun; print(nemorun.whole)"
    )

    answer = subprocess.run(
        [sys.executable, "-S", "-c", program],
        env=bench.environment(),
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )

    assert answer.stdout == "True\n", answer.stderr


def test_a_program_that_a_job_starts_finds_nemorun_where_none_is_installed(bench):
    bench.prepare()
    program = "import nemorun, nemorun_discover.errors; print(nemorun.current().job_id)"

    answer = subprocess.run(
        [sys.executable, "-S", "-c", program],
        env=bench.environment(),
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )

    assert answer.stdout == "f@local\n", answer.stderr


def test_the_working_directory_is_where_the_process_was_started_and_argv_is_the_tasks(bench):
    task = "import os, sys\ndef f():\n    return [os.getcwd(), sys.argv, __name__]"

    outcome = bench.run(task, args=["-x", "a b"])

    assert outcome.result == [str(bench.root), ["tasks.py", "-x", "a b"], "tasks"]


def test_a_job_without_its_file_says_so(bench):
    bench.prepare()
    bench.paths.job.write_text('{"half')

    answer = subprocess.run(
        [sys.executable, *bench.command()], capture_output=True, text=True, check=False
    )

    assert answer.returncode == 1
    assert answer.stderr == f"nemorun: {bench.paths.job}: there is none, or it is damaged\n"


def test_evidence_is_readable_by_its_owner_only(bench):
    bench.run("def f():\n    return 1")

    files = [bench.paths.result, *bench.paths.attempt(1).root.iterdir()]
    assert {file.name for file in files} == {"result.json", "exit.json", "process.json"}
    assert {oct(file.stat().st_mode & 0o777) for file in files} == {"0o600"}


def test_exit_json_is_complete(bench):
    outcome = bench.run("def f():\n    pass")

    document = outcome.exit
    assert document == {
        "schema": "nemorun.exit/1",
        "exit_code": 0,
        "signal": None,
        "reason": None,
        "started_at": outcome.process["started_at"],
        "ended_at": document["ended_at"],
        "host": os.uname().nodename,
    }
    assert document["started_at"] < document["ended_at"]
    assert document["ended_at"].endswith("Z")
    assert json.dumps(document)
