"""The one table of kinds: the name in nemorun.toml and in records, and the class it stands for.

Classes are named by import string and loaded on first use, so that `local` does not pay for the
others.
"""

from __future__ import annotations

from dataclasses import is_dataclass
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
        "torchx": f"{_HERE}.torchx:TorchxExecutor",
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


# Kinds that plugins have added, and by whom.
_ADDED: dict[str, str] = {}


def add_executor_kind(kind: str, settings: str, *, by: str) -> None:
    """Add a kind of executor to the table; adding the same one again changes nothing.

    Args:
        kind: Its name.
        settings: Import string of its settings, `package.module:Class`.
        by: Who adds it, for messages.

    Raises:
        ConfigError: There is another kind of that name.
    """
    known = FAMILIES["executor"]
    if kind in known and (kind not in _ADDED or known[kind] != settings):
        owner = _ADDED.get(kind, "nemorun itself")
        raise ConfigError(f"{by}: there is a kind of executor {kind!r} already, of {owner}")
    known[kind] = settings
    _ADDED.setdefault(kind, by)


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
    if family == "executor" and kind in _ADDED:
        return _added_class(kind, known[kind])
    loaded = _load(known[kind])
    if not isinstance(loaded, type):
        raise TypeError(f"{known[kind]} is not a class")
    return loaded


def _load(target: str) -> object:
    module, _, name = target.partition(":")
    return getattr(import_module(module), name)


def _added_class(kind: str, target: str) -> type[Any]:
    from nemorun_discover.executors.base import Executor  # noqa: PLC0415 - it imports this table's users

    place = f"{_ADDED[kind]}: the settings of the kind {kind!r}, {target},"
    try:
        loaded = _load(target)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(f"{place} cannot be imported: {error}") from error
    if not (isinstance(loaded, type) and issubclass(loaded, Executor) and is_dataclass(loaded)):
        raise ConfigError(f"{place} are no dataclass below nemorun.Executor")
    if loaded.kind != kind:
        raise ConfigError(f"{place} have kind = {loaded.kind!r}")
    return loaded


def kind_of_class_name(name: str) -> str | None:
    """The kind of executor whose class has this name (`run.SlurmExecutor` too); None for any other."""
    last = name.strip("\"'").rpartition(".")[2]
    for kind, target in FAMILIES["executor"].items():
        if target.rpartition(":")[2] == last:
            return kind
    return None
