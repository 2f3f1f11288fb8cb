"""A scheduler's request as a shell would read it. Pure."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from nemorun_discover.secrets import MASK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_LINE = 100


def export_lines(env: Mapping[str, str], quote: Callable[[str], str] = shlex.quote) -> list[str]:
    """The variables as shell commands; a secret's value must be there already.

    Args:
        env: By name; `***` stands for a secret.
        quote: Makes a word of a value.
    """
    return [
        f': "${{{name}:?set it}}"; export {name}'
        if MASK in value  # the whole value, or a part of it
        else f"export {name}={quote(value)}"
        for name, value in sorted(env.items())
    ]


def command_lines(words: Iterable[str]) -> str:
    """A command of quoted words, on several lines where one would be long."""
    lines = [""]
    for word in words:
        if lines[-1] and len(lines[-1]) + len(word) >= _LINE:
            lines.append("")
        lines[-1] += f" {word}" if lines[-1] else word
    return " \\\n    ".join(lines)


def as_shell(request: Mapping[str, Any]) -> str:
    """What was sent: the script where there is one, else a command with its directory and environment.

    What has no such form stands in comments before it.
    """
    if isinstance(request.get("script"), str):
        return str(request["script"])
    others = {key: value for key, value in request.items() if key not in ("argv", "cwd", "env")}
    lines = [f"# {key}: {value}" for key, value in others.items()]
    if "cwd" in request:
        lines.append(f"cd {shlex.quote(str(request['cwd']))}")
    lines += export_lines(request.get("env", {}))
    lines.append(command_lines(shlex.quote(str(word)) for word in request.get("argv", [])))
    return "\n".join(lines) + "\n"
