"""What a service has mounted below its folder, and how that goes before the folder does."""

from __future__ import annotations

import subprocess
from pathlib import Path


def unmount_below(folder: Path) -> None:
    """Unmount all that is mounted below a folder; then it can be deleted, and nothing else with it.

    Not by Path.is_mount(), which does not see a folder that is mounted from the same disk.

    Raises:
        RuntimeError: Something is mounted there still.
    """
    for place in reversed(_mounted_below(folder)):
        subprocess.run(["umount", "--lazy", place], check=False, capture_output=True)
    if left := _mounted_below(folder):
        raise RuntimeError(f"still mounted: {', '.join(left)}")


def _mounted_below(folder: Path) -> list[str]:
    lines = Path("/proc/self/mounts").read_text().splitlines()
    return [place for line in lines if (place := line.split()[1]).startswith(f"{folder}/")]
