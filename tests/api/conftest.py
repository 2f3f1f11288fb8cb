"""Scripts that use the API, run as processes; and the real command on the same home."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import nemorun_discover
from nemorun_discover.api.draft import Draft
from nemorun_discover.lifecycle.cancel import cancel
from nemorun_discover.lifecycle.observe import observe
from nemorun_discover.model.record import Project
from nemorun_discover.model.state import State
from nemorun_discover.model.status import ExperimentStatus, JobStatus
from nemorun_discover.store.home import open_home

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REPOSITORY = Path(nemorun_discover.__file__).parents[1]
COMMAND = ["-P", "-m", "nemorun_discover.cli.main"]
PATIENCE_S = 60.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What a process left."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The last line of stdout."""
        return json.loads(self.out.splitlines()[-1])


class Desk:
    """A folder with scripts, and the home they launch into."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.home = open_home(os.environ)

    def write(self, text: str, name: str = "launch.py") -> Path:
        file = self.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text))
        return file

    def start(
        self, *argv: str, cwd: Path | None = None, env: dict[str, str] | None = None
    ) -> subprocess.Popen[str]:
        variables = {**os.environ, "PYTHONPATH": str(REPOSITORY), "PYTHONUTF8": "1", **(env or {})}
        return subprocess.Popen(
            [sys.executable, *argv],
            cwd=cwd or self.root,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,
        )

    def finish(self, process: subprocess.Popen[str]) -> Answer:
        out, err = process.communicate(timeout=PATIENCE_S)
        return Answer(code=process.returncode, out=out, err=err)

    def run(
        self, *argv: str, code: int = 0, cwd: Path | None = None, env: dict[str, str] | None = None
    ) -> Answer:
        """Run a script to its end; it leaves with `code`."""
        answer = self.finish(self.start(*(argv or ("launch.py",)), cwd=cwd, env=env))
        assert answer.code == code, answer
        return answer

    def launch(self, text: str, *, code: int = 0, env: dict[str, str] | None = None) -> Answer:
        """Run this text as `launch.py`."""
        self.write("import nemorun as run\n" + textwrap.dedent(text))
        return self.run(code=code, env=env)

    def cli(self, *args: str, code: int = 0) -> Answer:
        """Run the real command."""
        return self.run(*COMMAND, *args, code=code)

    def interrupt(self, process: subprocess.Popen[str]) -> None:
        os.killpg(process.pid, signal.SIGINT)

    def wait_until(self, is_so: Callable[[], object]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not is_so():
            assert time.monotonic() < deadline, "it never came true"
            time.sleep(0.05)

    def states(self, experiment: str) -> dict[str, str]:
        return {job.id: str(job.state) for job in observe(self.home, experiment).jobs}

    def end_everything(self) -> None:
        for experiment in self.home.ids():
            alive = [
                job.id for job in observe(self.home, experiment).jobs if not job.state.is_final
            ]
            if alive:
                cancel(self.home, experiment, alive)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    root = tmp_path / "my project"
    root.mkdir()
    desk = Desk(root)
    yield desk
    desk.end_everything()


@pytest.fixture
def draft(tmp_path: Path) -> Draft:
    return Draft(project=Project(root=str(tmp_path), name="lab"))


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Any]]:
    """Writes a module of the project, and imports it."""
    monkeypatch.syspath_prepend(str(tmp_path))
    names: list[str] = []

    def make(text: str, name: str = "lab_tasks") -> Any:
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(text))
        names.append(name)
        return __import__(name)

    yield make
    for name in names:
        sys.modules.pop(name, None)


@pytest.fixture
def make_status() -> Callable[..., ExperimentStatus]:
    """An experiment whose jobs stand as they are said to: `a=("FAILED", 3)`."""

    def make(**jobs: tuple[str, int | None]) -> ExperimentStatus:
        now = datetime(2026, 11, 22, tzinfo=UTC)
        return ExperimentStatus(
            id="20261122-0712-lab-x7k2",
            title="lab",
            state=State.FAILED,
            created_at=now,
            as_of=now,
            jobs=tuple(
                JobStatus(
                    id=name,
                    slug=name,
                    task=name,
                    params={},
                    executor="local",
                    state=State(state),
                    exit_code=code,
                )
                for name, (state, code) in jobs.items()
            ),
        )

    return make
