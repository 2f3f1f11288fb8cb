"""Who owns the command `nemorun`: NVIDIA's NeMo-Run installs one of the same name."""

from __future__ import annotations

import os
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from nemorun_discover.model.check import Check, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# What the console scripts of either package import.
_OURS = b"nemorun_discover"
_THEIRS = b"nemo_run"
_SCRIPT_BYTES = 4096
_BY_MODULE = "python -m nemorun_discover.cli.main"


def check_command(env: Mapping[str, str]) -> Check:
    """Whether `nemorun`, typed in this shell, starts this program."""
    scripts = list(_scripts(env.get("PATH", os.defpath)))
    if not scripts:
        return Check(
            name="command",
            verdict=Verdict.WARN,
            message="there is no `nemorun` on PATH",
            remedy=f"activate the virtualenv it is installed in, or type `{_BY_MODULE}`",
        )
    first, *others = scripts
    if _owner(first) == _THEIRS:
        ours = next((one for one in others if _owner(one) == _OURS), None)
        remedy = f"put {ours.parent} before {first.parent} on PATH" if ours else _reinstall()
        message = f"{first}, the first `nemorun` on PATH, is NVIDIA's NeMo-Run"
        return Check(name="command", verdict=Verdict.FAIL, message=message, remedy=remedy)
    if _owner(first) != _OURS:
        message = f"{first}, the first `nemorun` on PATH, is not of this package"
        return Check(
            name="command",
            verdict=Verdict.WARN,
            message=message,
            remedy=f"remove it, or type `{_BY_MODULE}`",
        )
    theirs = next((one for one in others if _owner(one) == _THEIRS), None)
    if theirs is None:
        return Check(name="command", verdict=Verdict.OK, message=f"`nemorun` is {first}")
    return Check(
        name="command",
        verdict=Verdict.WARN,
        message=f"`nemorun` is {first}; further down PATH, {theirs} is NVIDIA's NeMo-Run",
        remedy=f"keep {first.parent} before {theirs.parent} on PATH",
    )


def check_environment() -> Check:
    """Whether NeMo-Run is installed beside us, where each replaces the other's command."""
    try:
        found = version("nemo_run")
    except PackageNotFoundError:
        message = "NVIDIA's NeMo-Run is not installed in this environment"
        return Check(name="nemo_run", verdict=Verdict.OK, message=message)
    return Check(
        name="nemo_run",
        verdict=Verdict.WARN,
        message=f"NVIDIA's NeMo-Run {found} is installed in this environment: both own the command "
        "`nemorun`, and whichever was installed last has it",
        remedy=_reinstall(),
    )


def _reinstall() -> str:
    return (
        "install the two in different virtualenvs, or take the command back: "
        f"{sys.executable} -m pip install --force-reinstall --no-deps nemorun-discover"
    )


def _scripts(path: str) -> Iterator[Path]:
    """Every `nemorun` on PATH, the first first, each once."""
    seen = set()
    for folder in path.split(os.pathsep):
        script = Path(folder or ".") / "nemorun"
        if script.is_file() and os.access(script, os.X_OK) and script.resolve() not in seen:
            seen.add(script.resolve())
            yield script.absolute()


def _owner(script: Path) -> bytes | None:
    try:
        with script.open("rb") as file:
            head = file.read(_SCRIPT_BYTES)
    except OSError:
        return None
    return next((mark for mark in (_OURS, _THEIRS) if mark in head), None)
