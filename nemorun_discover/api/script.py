"""`run.Script`: a file or a text that an interpreter runs as a job."""

from __future__ import annotations

import copy
import os
import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from nemorun_discover.errors import UsageError
from nemorun_discover.model.task import Script as ScriptTask

_DEFAULT_ENTRYPOINT = "bash"
_INLINE_NAME_LENGTH = 10


@dataclass
class Script:
    """A script: a file, a text, or a module of Python.

    Attributes:
        path: The file, relative to the working directory or to the project's root; with `m`, the name of
            a module. An absolute path may be one that only the job has.
        inline: The text itself, instead of a file.
        args: Arguments.
        env: Variables, over the executor's.
        entrypoint: The interpreter, with options. A `.py` file that leaves it alone is run by Python.
        m: Run `path` as `python -m` does.
        metadata: For launchers that know it.

    Raises:
        UsageError: There is neither a path nor a text, or both.
    """

    path: str = ""
    inline: str = ""
    args: list[str] = field(default_factory=list)
    env: dict[str, str] = field(default_factory=dict)
    entrypoint: str = _DEFAULT_ENTRYPOINT
    m: bool = False
    metadata: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if bool(self.path) == bool(self.inline):
            raise UsageError(
                "run.Script takes either a path or an inline text",
                hint='run.Script("train.sh"), or run.Script(inline="python train.py --lr 0.1")',
            )
        if self.m and not self.path:
            raise UsageError("run.Script(m=True) takes the module's name as its path")
        if self.m and self.entrypoint != _DEFAULT_ENTRYPOINT and "python" not in self.entrypoint:
            raise UsageError(
                f"run.Script(m=True) is run by Python, and entrypoint is {self.entrypoint!r}",
                hint='leave it out, or write entrypoint="python"',
            )

    def get_name(self) -> str:
        """The file's name without its ending, or the first letters of the text."""
        if self.m:
            return self.path.rpartition(".")[2]
        if self.path:
            return Path(self.path).stem
        first = next((line for line in self.inline.splitlines() if _says_something(line)), "script")
        return re.sub(r"[^A-Za-z0-9._-]+", "-", first)[:_INLINE_NAME_LENGTH].strip("-.") or "script"

    def clone(self) -> Self:
        """A deep copy: changing it leaves this one alone."""
        return copy.deepcopy(self)


def script_task(script: Script, *, root: Path, cwd: Path) -> ScriptTask:
    """What a job needs to know of a script.

    Raises:
        UsageError: There is no such file.
    """
    words = tuple(shlex.split(script.entrypoint))
    is_default = script.entrypoint == _DEFAULT_ENTRYPOINT
    env = {str(name): str(value) for name, value in script.env.items()}
    if script.inline:
        return ScriptTask(inline=_ended(script.inline), entrypoint=words, env=env)
    if script.m:
        return ScriptTask(
            path=script.path, entrypoint=() if is_default else words, is_module=True, env=env
        )
    path = _path_in(script.path, root, cwd)
    by_file = is_default and path.endswith(".py")
    return ScriptTask(path=path, entrypoint=() if by_file else words, env=env)


def _path_in(given: str, root: Path, cwd: Path) -> str:
    """The file relative to the root, absolute where it lies elsewhere."""
    path = Path(given).expanduser()
    for base in (cwd, root):
        found = Path(os.path.normpath(base / path))
        if found.is_file():
            return found.relative_to(root).as_posix() if root in found.parents else str(found)
    if path.is_absolute():
        return str(path)
    is_command = " " in given.strip()
    raise UsageError(
        f"run.Script: there is no file {given} in {cwd}" + (f" or {root}" if root != cwd else ""),
        hint=f"for a command, write run.Script(inline={given!r})" if is_command else None,
    )


def _says_something(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _ended(text: str) -> str:
    return text if text.endswith("\n") else f"{text}\n"
