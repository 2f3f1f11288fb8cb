"""The runtime: the part of nemorun that runs inside jobs, as one zip that any Python >= 3.9 can start.

`python <zip>` starts the worker. The modules lie in `lib/`; at the zip's root, where PYTHONPATH finds
them, `nemorun.py` and `nemorun_discover.py` only step behind all that is installed.
"""

from __future__ import annotations

import hashlib
import io
import marshal
import os
from functools import cache
from importlib.util import MAGIC_NUMBER, source_hash
from pathlib import Path

from nemorun_discover.files import write_atomic

PACKAGE_ROOT = Path(__file__).parents[1]
IMPORT_ROOT = PACKAGE_ROOT.parent

# Everything the worker imports, and the import face that tasks use; standard library only.
MODULES = (
    "nemorun/__init__.py",
    "nemorun_discover/__init__.py",
    "nemorun_discover/errors.py",
    "nemorun_discover/shortage.py",
    "nemorun_discover/secrets.py",
    "nemorun_discover/version.py",
    "nemorun_discover/discovery/__init__.py",
    "nemorun_discover/discovery/decorator.py",
    "nemorun_discover/executors/__init__.py",
    "nemorun_discover/executors/macros.py",
    "nemorun_discover/launchers/__init__.py",
    "nemorun_discover/launchers/ports.py",
    "nemorun_discover/model/__init__.py",
    "nemorun_discover/model/layout.py",
    "nemorun_discover/schedulers/__init__.py",
    "nemorun_discover/schedulers/local/__init__.py",
    "nemorun_discover/schedulers/local/process.py",
    "nemorun_discover/files.py",
    "nemorun_discover/worker/__init__.py",
    "nemorun_discover/worker/annotations.py",
    "nemorun_discover/worker/arguments.py",
    "nemorun_discover/worker/become.py",
    "nemorun_discover/worker/box.py",
    "nemorun_discover/worker/claim.py",
    "nemorun_discover/worker/container.py",
    "nemorun_discover/worker/context.py",
    "nemorun_discover/worker/entry.py",
    "nemorun_discover/worker/exact.py",
    "nemorun_discover/worker/failure.py",
    "nemorun_discover/worker/import_order.py",
    "nemorun_discover/worker/load.py",
    "nemorun_discover/worker/macros.py",
    "nemorun_discover/worker/preempt.py",
    "nemorun_discover/worker/ranks.py",
    "nemorun_discover/worker/relay.py",
    "nemorun_discover/worker/result.py",
    "nemorun_discover/worker/slice.py",
    "nemorun_discover/worker/srun.py",
    "nemorun_discover/worker/start.py",
    "nemorun_discover/worker/supervise.py",
    "nemorun_discover/worker/task.py",
)
# The project's files stand first on PYTHONPATH, and its random.py must not become the worker's.
_MAIN = """\
import os
import sys

runtime = sys.path.pop(0)
path = [*(one for one in sys.path if one != runtime), runtime + "/lib"]
project = os.environ.get("PYTHONPATH", "").split(os.pathsep)
sys.path[:] = [path[-1], *(one for one in path if one not in project)]
from nemorun_discover.worker.entry import main

sys.path[:] = path
main()
"""
# PYTHONPATH comes before site-packages, where a whole nemorun may be installed: that one is to be found.
_STEP_BEHIND = """\
import os
import sys

runtime = os.path.dirname(__file__)
sys.path[:] = [*(one for one in sys.path if one != runtime), runtime + "/lib"]
del sys.modules[__name__]
__import__(__name__)
"""
_FACES = {"__main__.py": _MAIN, "nemorun.py": _STEP_BEHIND, "nemorun_discover.py": _STEP_BEHIND}
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the oldest time a zip can hold: equal content, equal bytes


@cache
def runtime_name() -> str:
    """The runtime's file name; it holds the hash of what the runtime is made of."""
    digest = hashlib.sha256(MAGIC_NUMBER + repr(_FACES).encode())
    for name in MODULES:
        content = (IMPORT_ROOT / name).read_bytes()
        digest.update(f"{name} {len(content)} ".encode() + content)
    return f"runtime-{digest.hexdigest()[:16]}.zip"


def build_runtime() -> bytes:
    """The runtime's zip."""
    # zipfile costs 10 ms to import, and a runtime is built once for each version of nemorun.
    import zipfile  # noqa: PLC0415

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, text in _FACES.items():
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), text)
        for name in MODULES:
            source = (IMPORT_ROOT / name).read_bytes()
            archive.writestr(zipfile.ZipInfo(f"lib/{name}", _EPOCH), source)
            archive.writestr(zipfile.ZipInfo(f"lib/{name}c", _EPOCH), _bytecode(name, source))
    return buffer.getvalue()


def _bytecode(name: str, source: bytes) -> bytes:
    """A .pyc for this Python; another version sees by its magic number that it is not for it (PEP 552)."""
    code = compile(source, name, "exec", dont_inherit=True)
    unchecked = (1).to_bytes(4, "little")  # it is named by a hash, and the hash need not be checked
    return MAGIC_NUMBER + unchecked + source_hash(source) + marshal.dumps(code)


def install_runtime(packages: Path) -> Path:
    """Put the runtime into the home's packages, once; returns its path.

    Raises:
        OSError: It cannot be written.
    """
    path = packages / runtime_name()
    try:
        os.utime(path)  # it is wanted: `nemorun prune` passes over what was wanted a moment ago
    except FileNotFoundError:
        write_atomic(path, build_runtime())
    return path
