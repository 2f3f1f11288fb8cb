"""The runtime: the part of nemorun that runs inside jobs, as one zip that any Python >= 3.9 can start.

`python <zip>` starts the worker. The modules lie in `lib/`; at the zip's root, where PYTHONPATH finds
them, `nemorun.py` and `nemorun_discover.py` only step behind all that is installed.
"""

from __future__ import annotations

import hashlib
import io
import marshal
import os
import re
from contextlib import suppress
from functools import cache
from importlib.util import MAGIC_NUMBER, source_hash
from pathlib import Path

from nemorun_discover.config.locate import user_cache_dir
from nemorun_discover.errors import StoreError
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
_DIGITS = 32
_NAME = re.compile(rf"runtime-[0-9a-f]{{{_DIGITS}}}\.zip")
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the oldest time a zip can hold: equal content, equal bytes


@cache
def runtime_name() -> str:
    """The runtime's file name; it holds the hash of its content.

    That is known without making it: what it is made of has a hash too, under which the name is kept in the cache
    directory. `install_runtime` does not believe it.
    """
    try:
        known = _place_of_name().read_text("ascii")
    except (OSError, ValueError):
        known = ""
    if _NAME.fullmatch(known):
        return known
    name = _name_of(build_runtime())
    _remember(name)
    return name


def _name_of(content: bytes) -> str:
    return f"runtime-{hashlib.sha256(content).hexdigest()[:_DIGITS]}.zip"


def _place_of_name() -> Path:
    digest = hashlib.sha256(MAGIC_NUMBER + repr(_FACES).encode())
    for name in MODULES:
        content = (IMPORT_ROOT / name).read_bytes()
        digest.update(f"{name} {len(content)} ".encode() + content)
    return user_cache_dir() / f"runtime-{digest.hexdigest()[:_DIGITS]}"


def _remember(name: str) -> None:
    with suppress(OSError):  # then it is made to be named, each time
        place = _place_of_name()
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_atomic(place, name.encode())


def is_intact(path: Path) -> bool:
    """True for a runtime whose content is what its name says.

    The names of earlier versions say nothing of the content: those are whole zips at least.
    """
    try:
        if _NAME.fullmatch(path.name):
            return _name_of(path.read_bytes()) == path.name
        import zipfile  # noqa: PLC0415 - as in build_runtime
        import zlib  # noqa: PLC0415 - likewise

        try:
            with zipfile.ZipFile(path) as archive:
                return archive.testzip() is None
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError):
            return False
    except (OSError, ValueError):
        return False


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
    # Format 2 has no references between objects, which depend on what else the process has: equal code, equal bytes.
    return MAGIC_NUMBER + unchecked + source_hash(source) + marshal.dumps(code, 2)


def install_runtime(packages: Path) -> Path:
    """Put the runtime into the home's packages, where it is not there or damaged; returns its path.

    Raises:
        OSError: It cannot be written.
    """
    path = packages / runtime_name()
    if is_intact(path):
        os.utime(path)  # it is wanted: `nemorun prune` passes over what was wanted a moment ago
        return path
    content = build_runtime()
    if path.name != _name_of(content):  # the cache said something else
        runtime_name.cache_clear()
        _remember(_name_of(content))
        path = packages / _name_of(content)
    write_atomic(path, content)
    return path


def require_runtime(path: Path) -> None:
    """See that the runtime of an experiment is intact; that of this nemorun is made again where it is not.

    Raises:
        StoreError: It is missing or damaged, and of another version.
    """
    if is_intact(path):
        return
    if path.name == runtime_name():
        try:
            install_runtime(path.parent)
        except OSError as error:
            raise StoreError(f"{path}: cannot be written ({error.strerror})") from error
        return
    raise StoreError(
        f"{path}: runs the jobs, and is missing or damaged; another version of nemorun made it",
        hint="`nemorun rerun` runs them with this version",
    )
