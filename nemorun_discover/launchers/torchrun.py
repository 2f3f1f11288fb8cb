"""The command of `torchrun`. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nemorun_discover.launchers.rendezvous import rendezvous_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nemorun_discover.executors.launchers import FaultTolerance, Torchrun
    from nemorun_discover.launchers.place import Place

# What the program `torchrun` calls; so it runs under an interpreter of our choice.
MODULE = "torch.distributed.run"


def torchrun_command(launcher: Torchrun, place: Place, command: Sequence[str]) -> list[str]:
    """torchrun, which starts `command` once for each process of this node."""
    return elastic_command(MODULE, launcher, place, command, logs="torchrun")


def elastic_environment(_launcher: Torchrun | FaultTolerance, _place: Place) -> dict[str, str]:
    """The variables of torchrun, or of what was made from it.

    By itself it marks lines with the process's number on its node, which is 0 on each of two nodes.
    """
    return {"TORCHELASTIC_LOG_LINE_PREFIX_TEMPLATE": "[${role_name}${rank}]:"}


def elastic_command(
    module: str,
    launcher: Torchrun | FaultTolerance,
    place: Place,
    command: Sequence[str],
    *,
    logs: str,
    options: Sequence[str] = (),
) -> list[str]:
    """A command line of torchrun, or of what was made from it.

    Lines come whole and marked with the process's number; its own log is kept beside, not in /tmp.

    Args:
        module: What is run as `python -m`.
        launcher: The settings.
        place: Where.
        command: What is started for each process.
        logs: The folder of the logs, in the job's.
        options: Of its own.
    """
    return [
        place.python,
        "-m",
        module,
        *rendezvous_options(launcher, place),
        "--tee=3",
        f"--log-dir={place.folder}/{logs}",
        *options,
        "--no-python",
        *command,
    ]
