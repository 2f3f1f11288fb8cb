"""The texts of an ejected job: how it is started, and what its folder holds. Pure."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nemorun_discover.lifecycle.shell import command_lines, export_lines
from nemorun_discover.secrets import MASK

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nemorun_discover.model.job import Job
    from nemorun_discover.model.record import Record

# What run.sh finds out for itself.
_OWN = ("PYTHONPATH", "NEMORUN_ATTEMPT", "NEMORUN_JOB_DIR", "NEMORUN_OUTPUT_DIR")
_PYTHONS = ("python", "python3")

README = """\
# {job}

A job of the nemorun experiment {experiment}, which runs without nemorun:

    sh run.sh

leaves what the task returns in result.json and its files in outputs/, and ends with the task's exit code.
Python is `python3`, or what PYTHON names (it was {python}); install what the task imports.

    code/         the code, as it was run        job.json     task, parameters, limits
    runtime.zip   what calls the task; it only needs the standard library, and has `import nemorun`
    run.sh        directory, variables, command  start.py     waits for the command and reads its exit code
    upstream/     what the jobs before it left   attempt-N/   how the N-th run of this folder ended

The folder may be moved. Variables of the shell that launched the job were not recorded; those of its
executor are in run.sh, without the values of secrets.
"""

START = '''\
"""Start the job in this folder with the command that is given, and end as it ends."""

import json
import os
import signal
import subprocess
import sys

here = os.path.dirname(os.path.abspath(__file__))


def moved(path, old):
    return here + path[len(old):] if path == old or path.startswith(old + os.sep) else path


def settle():
    """job.json names the folder it lies in, which may have been moved."""
    place = os.path.join(here, "job.json")
    with open(place, encoding="utf-8", errors="surrogateescape") as file:
        job = json.load(file)
    old = job["folder"]
    if old == here:
        return
    name = os.path.basename(here)
    job["folder"] = here
    job["root"] = moved(job["root"], old)
    job["sys_path"] = [moved(one, old) for one in job["sys_path"]]
    job["argv"] = [moved(one, old) for one in job["argv"]]
    copies = job.get("relocated", {})
    job["relocated"] = {live: moved(one, old) for live, one in copies.items()}
    job["upstream"] = {
        task: ["/".join([name, *one.split("/")[-2:]]) for one in folders]
        for task, folders in job["upstream"].items()
    }
    with open(place + ".new", "w", encoding="utf-8", errors="surrogateescape") as file:
        json.dump(job, file, indent=2, ensure_ascii=False)
    os.replace(place + ".new", place)


settle()
process = subprocess.Popen(sys.argv[1:])
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, lambda *_: process.terminate())
process.wait()
attempt = os.path.join(here, "attempt-" + os.environ["NEMORUN_ATTEMPT"])
try:
    with open(os.path.join(attempt, "exit.json"), encoding="utf-8") as file:
        ended = json.load(file)
except OSError:
    sys.exit(process.returncode or 1)
if ended["signal"]:
    sys.exit(128 + getattr(signal, ended["signal"], 0))
sys.exit(124 if ended["reason"] == "TIMEOUT" and not ended["exit_code"] else ended["exit_code"])
'''


@dataclass(frozen=True, kw_only=True, slots=True)
class Places:
    """Where things were that lie in the folder now.

    Attributes:
        folder: The job's own.
        runtime: The zip.
        root: The project's root as the job saw it.
        code: Where that root lies in the folder now, relative.
    """

    folder: Path
    runtime: Path
    root: Path
    code: str

    def inside(self, path: str) -> str | None:
        """The path in the folder, relative; None for one that lies elsewhere."""
        known = (
            (str(self.folder), ""),
            (str(self.runtime), "runtime.zip"),
            (str(self.root), self.code),
        )
        for old, new in known:
            if path == old:
                return new
            if path.startswith(old + os.sep):
                return f"{new}{path[len(old) :]}".lstrip(os.sep)
        return self._beside(path)

    def _beside(self, path: str) -> str | None:
        """The path in the folder of what lies beside the project's root, in the same package."""
        if not Path(path).is_absolute():
            return None
        steps = Path(os.path.relpath(path, self.root)).parts
        up = steps.count(os.pardir)
        folders = Path(self.code).parts
        if up >= len(folders):
            return None
        return str(Path(*folders[: len(folders) - up], *steps[up:]))

    def moved(self, path: str, folder: str) -> str:
        """The path where it lies now."""
        inside = self.inside(path)
        if inside is None:
            return path
        return f"{folder}/{inside}" if inside else folder

    def word(self, text: str) -> str:
        """The text as a word of run.sh, which knows the folder as `$here`."""
        inside = self.inside(text)
        if inside is None:
            return shlex.quote(text)
        return '"$here"' + (shlex.quote(f"/{inside}") if inside else "")


def run_script(record: Record, job: Job, request: Mapping[str, Any], places: Places) -> str:
    """run.sh."""
    env = dict.fromkeys(record.executors[job.executor].get("secrets", []), MASK)
    env |= {name: value for name, value in request.get("env", {}).items() if name not in _OWN}
    path = request.get("env", {}).get("PYTHONPATH", "").split(os.pathsep)
    python_path = ":".join(places.word(one) for one in path if one)
    # -I: what PYTHONPATH names is the task's, and its json.py must not become that of start.py.
    start = ['"$PYTHON"', "-I", '"$here/start.py"', *_command(request["argv"], places)]
    return "\n".join(
        [
            "#!/bin/sh",
            f"# {job.id} of {record.id}; README.md explains.".replace("\n", " "),
            "set -eu",
            'here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd -P)',
            "PYTHON=${PYTHON:-python3}",
            "attempt=1",
            'while [ -e "$here/attempt-$attempt" ]; do attempt=$((attempt + 1)); done',
            'mkdir -p "$here/outputs" "$here/attempt-$attempt"',
            "",
            *export_lines(env, places.word),
            f"export PYTHONPATH={python_path}${{PYTHONPATH:+:$PYTHONPATH}}",
            'export NEMORUN_ATTEMPT="$attempt"',
            'export NEMORUN_JOB_DIR="$here"',
            'export NEMORUN_OUTPUT_DIR="$here/outputs"',
            "",
            f"cd {places.word(request['cwd'])}",
            f"exec {command_lines(start)}",
            "",
        ]
    )


def _command(argv: list[str], places: Places) -> list[str]:
    """The command's words: our interpreter is `$PYTHON`, and the attempt after the folder is this run's."""
    words = []
    for before, word in zip(["", *argv], argv, strict=False):
        if word == argv[0]:
            words.append('"$PYTHON"')
        elif before == str(places.folder):
            words.append('"$attempt"')
        else:
            words.append(places.word(word))
    return words
