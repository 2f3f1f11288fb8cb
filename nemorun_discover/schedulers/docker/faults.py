"""Why the engine would not start a container, as a sentence and how to mend it. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nemorun_discover.errors import ExecutorRefused

if TYPE_CHECKING:
    from collections.abc import Callable

    from nemorun_discover.executors.docker import DockerExecutor

_NO_PROGRAM = re.compile(
    r"executable file .*not found|no such file or directory|not a directory", re.IGNORECASE
)
_PORT = re.compile(
    r"(?:0\.0\.0\.0|\[?::\]?|[\d.]+)?:(\d+)[^\d].*(?:already allocated|already in use)"
)
_NO_SOURCE = re.compile(r"bind source path does not exist: (.+)$")
_RUNTIME = re.compile(r"[Uu]nknown(?: or invalid)? runtime(?: name| specified)?:? (\S+)")


def lacks_program(explanation: str, program: str) -> bool:
    """True when the container could not begin because the image has no such program."""
    return f'"{program}"' in explanation and _NO_PROGRAM.search(explanation) is not None


def refusal(name: str, executor: DockerExecutor, explanation: str) -> ExecutorRefused:
    """What is said when the engine has refused.

    Args:
        name: The executor's name.
        executor: Its settings.
        explanation: The engine's own words, in one line.
    """
    for recognise in _RECOGNISED:
        found = recognise(executor, explanation)
        if found is not None:
            sentence, hint = found
            return ExecutorRefused(f"{name}: {sentence}", hint=hint)
    return ExecutorRefused(f"{name}: the engine refuses {executor.container_image}: {explanation}")


_Found = tuple[str, str] | None


def _port(_: DockerExecutor, text: str) -> _Found:
    found = _PORT.search(text)
    if found is None:
        return None
    return (
        f"port {found.group(1)} is taken on this machine",
        "`docker ps` shows whose it is; choose another one in additional_kwargs.ports",
    )


def _source(_: DockerExecutor, text: str) -> _Found:
    found = _NO_SOURCE.search(text)
    if found is None:
        return None
    return (
        f"the engine does not find {found.group(1)}",
        "it must run on this machine, and see its files where they are",
    )


def _runtime(_: DockerExecutor, text: str) -> _Found:
    found = _RUNTIME.search(text)
    return None if found is None else no_runtime(found.group(1))


def no_runtime(runtime: str, known: list[str] | None = None) -> tuple[str, str]:
    """That the engine has no such runtime."""
    there = f"; it has {', '.join(known)}" if known else ""
    hint = (
        "install the NVIDIA container toolkit and restart the engine"
        if runtime.startswith("nvidia")
        else "`docker info` lists the runtimes"
    )
    return f'the engine has no runtime "{runtime}"{there}', hint


def _gpu(executor: DockerExecutor, text: str) -> _Found:
    if "could not select device driver" not in text and "nvidia-container" not in text:
        return None
    return (
        f"num_gpus = {executor.num_gpus}, but the engine cannot give GPUs to containers",
        "install the NVIDIA container toolkit and restart the engine, or take num_gpus out of the profile",
    )


def _space(_: DockerExecutor, text: str) -> _Found:
    if "no space left on device" not in text:
        return None
    return "the engine has no space left", "`docker system df` shows what takes it"


_RECOGNISED: tuple[Callable[[DockerExecutor, str], _Found], ...] = (
    _port,
    _source,
    _runtime,
    _gpu,
    _space,
)
