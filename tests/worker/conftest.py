"""One job in a folder of its own, run as a scheduler would run it: `python <runtime>.zip <folder> <attempt>`."""

from __future__ import annotations

import json
import os
import pwd
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from nemorun_discover.model.layout import JobLayout
from nemorun_discover.packaging.runtime import install_runtime

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

OLDEST, NEWEST = 9, 20


class Bench:
    """A project, one job of it, and the runtime."""

    def __init__(self, root: Path) -> None:
        self.root = root / "pro ject's"
        self.root.mkdir()
        self.paths = JobLayout(root / "jobs" / "f@local")
        self.paths.outputs.mkdir(parents=True)
        self.runtime = install_runtime(root)
        self.pythonpath: list[str] = []

    def write(self, text: str, name: str = "tasks.py") -> Path:
        file = self.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text))
        return file

    @property
    def sys_path(self) -> list[str]:
        return [str(self.root), *(str(self.root / one) for one in self.pythonpath)]

    def command(self, attempt: int = 1) -> list[str]:
        return [str(self.runtime), str(self.paths.root), str(attempt)]

    def environment(self, attempt: int = 1) -> dict[str, str]:
        path = [*self.sys_path, str(self.runtime)]
        return {
            **os.environ,
            "PYTHONUNBUFFERED": "1",
            "PYTHONPATH": os.pathsep.join(path),
            "NEMORUN_JOB_DIR": str(self.paths.root),
            "NEMORUN_ATTEMPT": str(attempt),
        }

    def prepare(self, attempt: int = 1, **fields: Any) -> None:
        job = {
            "experiment": "20261122-0712-lab-x7k2",
            "id": "f@local",
            "task": "f",
            "executor": "local",
            "params": {},
            "file": "tasks.py",
            "function": "f",
            "argv": [],
            "args": [],
            "root": str(self.root),
            "sys_path": self.sys_path,
            "timeout_s": None,
            "grace_s": 5,
            "upstream": {},
        }
        self.paths.job.write_text(json.dumps(job | fields))
        self.paths.attempt(attempt).root.mkdir(exist_ok=True)

    def run(
        self,
        text: str | None = None,
        *,
        python: list[str] | None = None,
        attempt: int = 1,
        **fields: Any,
    ) -> Outcome:
        """Run the job to its end; `text` is the task file's."""
        if text is not None:
            self.write(text, fields.get("file", "tasks.py"))
        self.prepare(attempt, **fields)
        answer = subprocess.run(
            [*(python or [sys.executable]), *self.command(attempt)],
            cwd=self.root,
            env=self.environment(attempt),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            timeout=60,
        )
        return self.outcome(answer.stdout.decode(errors="replace"), attempt)

    def outcome(self, log: str, attempt: int = 1) -> Outcome:
        """What an attempt that has ended left."""
        return Outcome(self.paths, attempt, log)


class Outcome:
    """What an attempt has left."""

    def __init__(self, paths: JobLayout, attempt: int, log: str) -> None:
        self.log = log
        self.exit = _read(paths.attempt(attempt).exit)
        self.error = _read(paths.attempt(attempt).error)
        self.process = _read(paths.attempt(attempt).process)
        self.has_result = paths.result.is_file()
        self.result = _read(paths.result)

    @property
    def exit_code(self) -> int | None:
        assert self.exit is not None, self.log
        return self.exit["exit_code"]


def _read(path: Path) -> Any:
    return json.loads(path.read_text()) if path.is_file() else None


def interpreters() -> list[str]:
    """Every Python of this machine that the runtime promises to run under, the tests' own first."""
    # HOME is redirected in tests: pyenv lies in the real one.
    pyenv = Path(pwd.getpwuid(os.getuid()).pw_dir, ".pyenv", "versions")
    found = {f"{sys.version_info[0]}.{sys.version_info[1]}": sys.executable}
    for minor in range(OLDEST, NEWEST):
        installed = [str(one) for one in sorted(pyenv.glob(f"3.{minor}.*/bin/python"))]
        on_path = shutil.which(f"python3.{minor}")
        candidates = [*installed, *([on_path] if on_path else [])]
        working = [one for one in candidates if _version(one) == f"3.{minor}"]
        if working:
            found.setdefault(f"3.{minor}", working[0])
    return list(found.values())


def _version(python: str) -> str:
    answer = subprocess.run([python, "-V"], capture_output=True, text=True, check=False).stdout
    match = re.match(r"Python (\d+\.\d+)", answer)
    return match.group(1) if match else ""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "any_python" in metafunc.fixturenames:
        found = interpreters()
        metafunc.parametrize("any_python", found, ids=[_version(one) for one in found])


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], Any]]:
    """Writes a module, and imports it."""
    monkeypatch.syspath_prepend(str(tmp_path))
    names: list[str] = []

    def make(text: str, name: str) -> Any:
        (tmp_path / f"{name}.py").write_text(text)
        names.append(name)
        return __import__(name)

    yield make
    for name in names:
        sys.modules.pop(name, None)
