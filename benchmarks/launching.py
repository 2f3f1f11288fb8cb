"""What it costs to run jobs that do nothing: the whole process, from the command to the last state."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from peers import peer_bin
from rows import Against, Row
from timing import BenchmarkError, Command, Setting, medians, nemorun_argv, output_of

if TYPE_CHECKING:
    from collections.abc import Sequence

_PEER = Path(__file__).with_name("peer_nemo_run.py")

_TASKS = """\
import nemorun


@nemorun.task
def function(index: int = 0) -> None:
    pass


@nemorun.task
@nemorun.parametrize("index", {values})
def functions(index: int) -> None:
    pass
"""

_CONFIG = """\
[project]
paths = ["tasks"]

[tasks.script]
command = ["true"]

[tasks.scripts]
command = ["true"]
params = { index = 0 }
"""

_MANY = 50


def measure(setting: Setting) -> list[Row]:
    """One job and fifty, of a function and of a script, against nemo_run's own forms of them.

    nemo_run starts `run.Script(inline="true")` much faster than a function (`run.Partial`): what is
    held against the script is the harder comparison, so it is made for our functions too.
    """
    one = medians(
        {
            "function": _ours(setting, "run", "-k", "=function", "-e", "local"),
            "script": _ours(setting, "run", "-k", "=script", "-e", "local"),
            "run.Script": _peer(setting, "script", 1),
            "run.Partial": _peer(setting, "function", 1),
        },
        setting.repeat,
    )
    sweep = "index=" + ",".join(str(index) for index in range(_MANY))
    many = medians(
        {
            "function": _ours(setting, "run", "-k", "=functions", "-e", "local", jobs=_MANY),
            "script": _ours(setting, "run", "-k", "=scripts", "-e", "local", sweep, jobs=_MANY),
            "run.Script": _peer(setting, "script", _MANY),
        },
        setting.repeat,
    )
    return [
        _row("`nemorun run`, 1 function", one, "function", "run.Script", 0.2),
        _row("`nemorun run`, 1 function", one, "function", "run.Partial", 0.2),
        _row("`nemorun run`, 1 script", one, "script", "run.Script", 0.2),
        _row(f"`nemorun run`, {_MANY} functions", many, "function", "run.Script", 0.4),
        _row(f"`nemorun run`, {_MANY} scripts", many, "script", "run.Script", 0.4),
    ]


def _row(name: str, took: dict[str, float], ours: str, peer: str, at_most: float) -> Row:
    return Row(
        name=name,
        ours_s=took[ours],
        peer=f"nemo_run `{peer}`",
        peer_s=took[peer],
        against=Against.PEER,
        at_most=at_most,
    )


def _ours(setting: Setting, *arguments: str, jobs: int = 1) -> Command:
    root = setting.workdir / "project"
    (root / "tasks").mkdir(parents=True, exist_ok=True)
    text = _TASKS.format(values=list(range(_MANY)))
    (root / "tasks" / "noop.py").write_text(text, encoding="utf-8")
    (root / "nemorun.toml").write_text(_CONFIG, encoding="utf-8")
    command = _in(root, nemorun_argv(*arguments))
    output_of(command)
    document = json.loads(output_of(_in(root, nemorun_argv("status", "--json"))))
    states = [job["state"] for job in document["jobs"]]
    if states != ["SUCCEEDED"] * jobs:
        raise BenchmarkError(f"nemorun: {jobs} jobs should have succeeded: {states}")
    return command


def _peer(setting: Setting, form: str, jobs: int) -> Command:
    python = peer_bin("nemo_run", setting.peers) / "python"
    command = _in(_PEER.parent, (str(python), str(_PEER), form, str(jobs)), setting.workdir)
    succeeded = output_of(command).splitlines()[-1]
    if succeeded != f"{jobs} succeeded":
        raise BenchmarkError(f"nemo_run: {jobs} jobs should have succeeded: {succeeded}")
    return command


def _in(root: Path, argv: Sequence[str], workdir: Path | None = None) -> Command:
    return Command(argv=tuple(argv), cwd=root, home=(workdir or root) / "home")
