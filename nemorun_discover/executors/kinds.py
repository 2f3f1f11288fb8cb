"""The one table of kinds: the name in nemorun.toml and in records, and the class it stands for.

Classes are named by import string and loaded on first use, so that `local` does not pay for the
others.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from nemorun_discover.errors import ConfigError

_HERE = "nemorun_discover.executors"

FAMILIES: dict[str, dict[str, str]] = {
    "executor": {
        "local": f"{_HERE}.local:LocalExecutor",
        "docker": f"{_HERE}.docker:DockerExecutor",
        "slurm": f"{_HERE}.slurm:SlurmExecutor",
        "skypilot": f"{_HERE}.skypilot:SkypilotExecutor",
        "skypilot_jobs": f"{_HERE}.skypilot:SkypilotJobsExecutor",
    },
    "tunnel": {
        "local": f"{_HERE}.tunnels:LocalTunnel",
        "ssh": f"{_HERE}.tunnels:SSHTunnel",
    },
    "packager": {
        "none": f"{_HERE}.packagers:Packager",
        "git": f"{_HERE}.packagers:GitArchivePackager",
        "pattern": f"{_HERE}.packagers:PatternPackager",
        "hybrid": f"{_HERE}.packagers:HybridPackager",
    },
    "launcher": {
        "default": f"{_HERE}.launchers:Launcher",
        "torchrun": f"{_HERE}.launchers:Torchrun",
        "ft": f"{_HERE}.launchers:FaultTolerance",
    },
    "job_details": {
        "slurm": f"{_HERE}.slurm:SlurmJobDetails",
    },
}


def class_of(family: str, kind: str) -> type[Any]:
    """The settings class of a kind, imported when this is its first use.

    Raises:
        ConfigError: The family has no such kind.
    """
    known = FAMILIES[family]
    if kind not in known:
        raise ConfigError(
            f"unknown kind of {family} {kind!r}", hint=f"the kinds are {', '.join(known)}"
        )
    module, _, name = known[kind].partition(":")
    loaded = getattr(import_module(module), name)
    if not isinstance(loaded, type):
        raise TypeError(f"{known[kind]} is not a class")
    return loaded


def kind_of_class_name(name: str) -> str | None:
    """The kind of executor whose class has this name (`run.SlurmExecutor` too); None for any other."""
    last = name.strip("\"'").rpartition(".")[2]
    for kind, target in FAMILIES["executor"].items():
        if target.rpartition(":")[2] == last:
            return kind
    return None
