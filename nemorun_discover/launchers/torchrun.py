"""The command of `torchrun`. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nemorun_discover.launchers.rendezvous import rendezvous_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nemorun_discover.executors.launchers import Torchrun
    from nemorun_discover.launchers.place import Place

# What the program `torchrun` calls; so it runs under an interpreter of our choice.
MODULE = "torch.distributed.run"


def torchrun_command(launcher: Torchrun, place: Place, command: Sequence[str]) -> list[str]:
    """torchrun, which starts `command` once for each process of this node."""
    return [
        place.python,
        "-m",
        MODULE,
        *rendezvous_options(launcher, place),
        *log_options(place.folder, "torchrun"),
        "--no-python",
        *command,
    ]


def log_options(folder: str, name: str) -> list[str]:
    """Lines whole and marked with the process's number; its own log is kept beside, not in /tmp."""
    return ["--tee=3", f"--log-dir={folder}/{name}"]
