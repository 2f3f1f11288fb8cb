"""`python3 tests/run.py`: set up everything the tests need, then run all checks.

Makes `.venv` with the project and its test tools, then runs the linter, the formatter, the type checker
and pytest; what stands on the command line goes to pytest (`python3 tests/run.py -k journal`).
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
OLDEST = (3, 11)
STAMP = VENV / "nemorun-test-tools"


def main(arguments: list[str]) -> int:
    """Run every check, also after one has failed; 0 when all passed."""
    python = prepare()
    install_services(python)
    checks = [
        ["ruff", "check", "."],
        ["ruff", "format", "--check", "."],
        ["mypy"],
        ["pytest", "-n", "auto", "--dist", "loadgroup", *arguments],
    ]
    failed = [check[0] for check in checks if run([python, "-m", *check]) != 0]
    print(f"failed: {', '.join(failed)}" if failed else "all checks passed", flush=True)
    return 1 if failed else 0


def prepare() -> str:
    """The virtualenv's Python, with the project and its test tools as pyproject.toml says now."""
    python = VENV / "bin" / "python"
    wanted = hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest()
    if not python.exists():
        run([find_python(), "-m", "venv", str(VENV)], must=True)
    if not STAMP.exists() or STAMP.read_text() != wanted:
        run([str(python), "-m", "pip", "install", "--quiet", "--editable", ".[test]"], must=True)
        STAMP.write_text(wanted)
    return str(python)


def install_services(python: str) -> None:
    """What real services are made of; they are started by the tests that need them."""
    if os.geteuid() == 0:
        for service in ("slurm", "docker", "sshd", "skypilot"):
            run([python, "-m", f"tests.services.{service}", "install"], must=True)


def find_python() -> str:
    """A Python that is new enough: this one, or one on PATH."""
    if sys.version_info >= OLDEST:
        return sys.executable
    for minor in range(20, OLDEST[1] - 1, -1):
        found = shutil.which(f"python3.{minor}")
        if found:
            return found
    raise SystemExit("Python 3.11 or newer is needed, and none is on PATH")


def run(command: list[str], *, must: bool = False) -> int:
    """Run a command in the project's root; its exit code."""
    print(
        "$ " + " ".join(Path(command[0]).name if i == 0 else w for i, w in enumerate(command)),
        flush=True,
    )
    environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    code = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
    if must and code:
        raise SystemExit(code)
    return code


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
