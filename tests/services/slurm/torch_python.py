"""A Python that can import torch, for jobs: the one that runs the tests, where the user can reach it.

The tests' virtualenv and the Python below it may lie where the user of a cluster may not look (a
root's home). Mounted to the cluster's folder both can be used by anybody, and nothing is copied.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.services.slurm.layout import Site

_PROGRAM = """\
#!/bin/sh
export PYTHONPATH="{packages}${{PYTHONPATH:+:$PYTHONPATH}}"
exec {python}{module} "$@"
"""


def write_torch_python(site: Site) -> None:
    """Write bin/python3 and bin/torchrun; they work on the cluster's machines."""
    here = site.torch_bin.parent
    for name in ("bin", "python", "packages"):
        (here / name).mkdir(parents=True)
    python = here / "python" / "bin" / f"python{sys.version_info[0]}.{sys.version_info[1]}"
    for name, module in (("python3", ""), ("torchrun", " -m torch.distributed.run")):
        words = {"packages": here / "packages", "python": python, "module": module}
        (site.torch_bin / name).write_text(_PROGRAM.format(**words))
        (site.torch_bin / name).chmod(0o755)


def torch_mounts(site: Site) -> list[str]:
    """The mounts that make them work; none when these tests have no torch."""
    found = importlib.util.find_spec("torch")
    if found is None or found.origin is None:
        return []
    here, packages = site.torch_bin.parent, Path(found.origin).parents[1]
    return [
        f"mount --bind -o ro {sys.base_prefix} {here}/python",
        f"mount --bind -o ro {packages} {here}/packages",
    ]
