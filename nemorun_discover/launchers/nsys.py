"""The command of `nsys profile`, NVIDIA Nsight Systems, around another one. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nemorun_discover.executors.launchers import Launcher
    from nemorun_discover.launchers.place import Place

PROGRAM = "nsys"


def profiles_folder(launcher: Launcher, place: Place) -> str:
    """Where profiles are written; nsys does not make it."""
    return f"{place.folder}/{launcher.nsys_folder}"


def nsys_command(launcher: Launcher, place: Place, command: Sequence[str]) -> list[str]:
    """`command` under `nsys profile`."""
    return [
        PROGRAM,
        "profile",
        "--sample=none",
        f"--trace={','.join(launcher.nsys_trace)}",
        f"--output={profiles_folder(launcher, place)}/{launcher.nsys_filename}",
        "--force-overwrite=true",
        *(["--gpu-metrics-device=all"] if launcher.nsys_gpu_metrics else []),
        *launcher.nsys_extra_args,
        *command,
    ]
