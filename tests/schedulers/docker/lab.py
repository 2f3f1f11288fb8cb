"""A project on disk, run by the real command on the tests' engine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

    from tests.services.docker.engine import Engine

PATIENCE_S = 180.0
_IMPORT = "import nemorun\n"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a command said."""

    code: int
    out: str
    err: str
    took_s: float


class Lab:
    """A project whose only profiles are those that a test writes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        subprocess.run(["git", "init", "-q", str(root)], check=True)

    def write(self, text: str, name: str = "tasks.py") -> None:
        (self.root / name).write_text(_IMPORT + textwrap.dedent(text))

    def configure(self, text: str = "", **profiles: dict[str, Any]) -> None:
        """Write nemorun.toml: profiles of kind docker, and more tables."""
        tables = [
            "\n".join(
                [
                    f"[profiles.{name}]",
                    'kind = "docker"',
                    *(f"{field} = {_toml(value)}" for field, value in fields.items()),
                ]
            )
            for name, fields in profiles.items()
        ]
        (self.root / "nemorun.toml").write_text("\n\n".join([*tables, textwrap.dedent(text)]))

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "nemorun_discover.cli.main", *words],
            cwd=self.root,
            env=dict(os.environ),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def nemorun(self, *words: str) -> Answer:
        began = time.monotonic()
        process = self.start(*words)
        out, err = process.communicate(timeout=PATIENCE_S)
        return Answer(code=process.returncode, out=out, err=err, took_s=time.monotonic() - began)

    def run(self, *words: str) -> Answer:
        """Run, and expect success."""
        answer = self.nemorun("run", *words)
        assert answer.code == 0, answer.out + answer.err + self.logs()
        return answer

    def logs(self) -> str:
        return self.nemorun("logs").out

    def jobs(self) -> dict[str, dict[str, Any]]:
        """The jobs of the last experiment, by id."""
        document = json.loads(self.nemorun("status", "--json").out)
        return {job["id"]: job for job in document["jobs"]}

    def job(self) -> dict[str, Any]:
        """The only job of the last experiment."""
        (job,) = self.jobs().values()
        return job

    def folder(self, job: dict[str, Any]) -> Path:
        return Path(job["outputs"]).parent

    def end_everything(self, engine: Engine) -> None:
        """Cancel what a test that failed may have left."""
        experiments = Path(os.environ["NEMORUN_HOME"], "experiments")
        for one in experiments.glob("[!.]*"):
            if '"state":"RUNNING"' in (one / "events.jsonl").read_text():
                self.nemorun("cancel", one.name)
        with closing(engine.client()) as client:
            self.until(lambda: not containers_of(client, f"nemorun.home={experiments}"))

    def until(self, is_so) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not is_so():
            assert time.monotonic() < deadline, "it never came true"
            time.sleep(0.05)


def containers_of(client: DockerClient, label: str | None = None) -> list[Container]:
    """All, or all with that label, whatever their state.

    The client asks for a list, then for each one in it; the engine is shared, so
    one that another test removes in between is no error here.
    """
    filters = {"label": label} if label else None
    return client.containers.list(all=True, filters=filters, ignore_removed=True)


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(k)} = {_toml(v)}" for k, v in value.items()) + " }"
    return json.dumps(value)
