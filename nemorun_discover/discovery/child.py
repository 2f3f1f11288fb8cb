"""Imports single files in child interpreters, several at a time, and reads their answers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

IMPORT_TIMEOUT_S = 60.0
_SCRIPT = Path(__file__).with_name("_describe.py")
_OWN = Path(__file__).parents[2]


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """Why an import gave no answer.

    Attributes:
        line: Of the file; 0 when it is not known.
    """

    line: int
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What to import, and what to tell about it.

    Attributes:
        root: The project's root, absolute: the child's working directory, first on its `sys.path`.
        pythonpath: More entries for `sys.path`, relative to `root`.
        function: Tell the types of this function's parameters; None: tell the marked functions.
    """

    root: Path
    file: str
    pythonpath: Sequence[str] = ()
    function: str | None = None
    timeout_s: float = IMPORT_TIMEOUT_S


def ask(requests: Iterable[Request]) -> list[dict[str, Any] | Failure]:
    """Import each file in an interpreter of its own, as many at once as there are cores."""
    pending = deque(requests)
    running: deque[_Child] = deque()
    answers: list[dict[str, Any] | Failure] = []
    try:
        while pending or running:
            while pending and len(running) < (os.cpu_count() or 1):
                running.append(_Child(pending.popleft()))
            answers.append(running[0].finish())
            running.popleft()
    finally:
        for child in running:
            child.close()
    return answers


class _Child:
    def __init__(self, request: Request) -> None:
        self._request = request
        self._ends_at = time.monotonic() + request.timeout_s
        self._answer: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close
        self._noise: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close
        # -P: the script's directory holds modules of ours, which must not hide the user's.
        # -B: a look at the tasks leaves no __pycache__ in the project.
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and script
            [sys.executable, "-P", "-B", str(_SCRIPT), _as_json(request, self._answer.fileno())],
            cwd=request.root,
            stdin=subprocess.DEVNULL,
            stdout=self._noise,
            stderr=self._noise,
            pass_fds=(self._answer.fileno(),),
            start_new_session=True,
        )

    def finish(self) -> dict[str, Any] | Failure:
        """Wait for the answer; when the time is over, what the file started ends too."""
        try:
            code = self._process.wait(max(self._ends_at - time.monotonic(), 0.0))
            return _read(self._answer) or Failure(line=0, text=_death(code, self._noise))
        except subprocess.TimeoutExpired:
            text = f"the import did not end within {self._request.timeout_s:g} s"
            return Failure(line=0, text=text)
        finally:
            self.close()

    def close(self) -> None:
        """End the import if it still runs, and let go of the answer."""
        # Only while it is ours to wait for: later its number may be another process's.
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._answer.close()
        self._noise.close()


def _as_json(request: Request, answer: int) -> str:
    root = request.root
    path = dict.fromkeys([str(root), *(str(root / entry) for entry in request.pythonpath)])
    return json.dumps(
        {
            "root": str(root),
            "file": request.file,
            "path": list(path),
            "own": str(_OWN),
            "function": request.function,
            "answer": answer,
        }
    )


def _read(stream: IO[bytes]) -> dict[str, Any] | Failure | None:
    stream.seek(0)
    try:
        answer: dict[str, Any] = json.loads(stream.read())
    except ValueError:
        return None
    error = answer.get("error")
    return answer if error is None else Failure(line=error["line"], text=error["text"])


def _death(code: int, noise: IO[bytes]) -> str:
    noise.seek(0)
    lines = noise.read().decode(errors="replace").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    how = f"signal {-code}" if code < 0 else f"exit code {code}"
    return f"the import ended the interpreter with {how}" + (f": {last}" if last else "")
