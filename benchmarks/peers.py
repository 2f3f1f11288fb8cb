"""The named peers, each in a virtualenv of its own, pinned."""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

REQUIREMENTS = {
    "invoke": ("invoke==3.0.3",),
    "pytest": ("pytest==9.2.0",),
    # nemo_run 0.11.1 does not import with the leptonai that pip would choose by itself (0.47).
    "nemo_run": ("nemo_run==0.11.1", "leptonai==0.27.2"),
}


def peer_bin(name: str, peers: Path) -> Path:
    """The `bin` directory of a peer's virtualenv, made when it is not there or was left half made."""
    home = peers / name
    wanted = "\n".join(REQUIREMENTS[name])
    mark = home / "installed.txt"
    if mark.is_file() and mark.read_text(encoding="utf-8") == wanted:
        return home / "bin"
    print(f"installing {' '.join(REQUIREMENTS[name])} into {home}", file=sys.stderr)
    shutil.rmtree(home, ignore_errors=True)
    venv.create(home, with_pip=True)
    pip = (str(home / "bin" / "python"), "-m", "pip", "install", "--quiet")
    subprocess.run((*pip, *REQUIREMENTS[name]), check=True)
    mark.write_text(wanted, encoding="utf-8")
    return home / "bin"
