"""The directories that a project imports its own packages from, as its build backend and pytest would."""

from __future__ import annotations

import json
import os
import re
import sys
import tomllib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_PROJECT_FILES = ("pyproject.toml", "setup.cfg", "setup.py")
_OWN_NAME = "nemorun-discover"
_OWN_CODE = "nemorun_discover/__init__.py"
_OWN = (str(Path(__file__).parents[2]), os.path.realpath(Path(__file__).parents[2]))
_INSTALLED = frozenset({"site-packages", "dist-packages"})
_DIRECT_URL = "direct_url.json"  # PEP 610: where a distribution was installed from
_SRC = "src"
_SETUP_PY_ROOT = re.compile(r"""package_dir\s*=\s*\{\s*['"]{2}\s*:\s*['"]([^'"]+)['"]""")


def import_roots(root: Path, file: str, path: Sequence[str] | None = None) -> tuple[str, ...]:
    """The directories of a task's repository that its packages are imported from.

    These are, in their order: what the nearest Python project around the file, and the one in `root`, declare
    to their build backend (the src layout without a declaration); the directory above the topmost
    `__init__.py` around the file, as pytest has it; and the projects of the repository that are installed as
    editable, or are on `sys.path` by a `.pth` file.

    Args:
        root: The root of the nemorun project, absolute.
        file: The task's file, relative to `root`, or absolute; empty for none.
        path: Where installed distributions are looked for; None for `sys.path`
            but for its first entry.

    Returns:
        Existing directories inside the repository, relative to `root`, without `root` itself.
    """
    base = os.path.abspath(root)  # noqa: PTH100 - links stay as the user wrote them
    top = repository_around(base)
    found: dict[str, None] = {}
    if file:
        place = os.path.normpath(os.path.join(base, file))  # noqa: PTH118 - text in, text out
        if project := _project_around(os.path.dirname(place), top):  # noqa: PTH120
            found |= dict.fromkeys(declared_roots(project))
        if package := _above_packages(place, top):
            found[package] = None
    if any(os.path.isfile(os.path.join(base, one)) for one in _PROJECT_FILES):  # noqa: PTH113, PTH118
        found |= dict.fromkeys(declared_roots(base))
    search = tuple(sys.path[1:] if path is None else path)  # the first is the launching script's
    found |= dict.fromkeys(_editable_roots(top, search))
    inside = (one for one in found if one != base and is_within(one, top) and os.path.isdir(one))  # noqa: PTH112
    return tuple(Path(os.path.relpath(one, base)).as_posix() for one in inside)


def repository_around(directory: str | Path) -> str:
    """The nearest directory at or above this one that holds `.git`; the directory itself where none does."""
    start = os.path.abspath(directory)  # noqa: PTH100
    for one in (start, *map(str, Path(start).parents)):
        if os.path.lexists(os.path.join(one, ".git")):  # noqa: PTH118
            return one
    return start


def is_within(path: str, directory: str) -> bool:
    """True for the directory itself, and for what lies below it."""
    return path == directory or path.startswith(directory.rstrip(os.sep) + os.sep)


@cache
def declared_roots(project: str) -> tuple[str, ...]:
    """Where the packages of a Python project are imported from, by the settings of its build backend.

    Settings of setuptools (pyproject.toml, setup.cfg, setup.py), hatchling, poetry-core, PDM, uv, maturin and
    scikit-build-core are read, and pytest's `pythonpath`; without any it is `src` where that holds Python
    code, else the project's own directory.

    Args:
        project: The directory of its pyproject.toml, setup.cfg or setup.py, absolute.
    """
    document = _read_toml(os.path.join(project, "pyproject.toml"))  # noqa: PTH118
    tool = _table(document, "tool")
    found = [
        *_of_setuptools(_table(tool, "setuptools")),
        *_of_setup_cfg(os.path.join(project, "setup.cfg")),  # noqa: PTH118
        *_of_setup_py(os.path.join(project, "setup.py")),  # noqa: PTH118
        *_of_hatch(_table(tool, "hatch", "build")),
        *_of_packages(_table(tool, "scikit-build", "wheel").get("packages")),
        *(
            str(one.get("from", "."))
            for one in _list(_table(tool, "poetry").get("packages"))
            if isinstance(one, dict)
        ),
        *_texts(_table(tool, "pdm", "build").get("package-dir")),
        *_texts(_table(tool, "uv", "build-backend").get("module-root")),
        *_texts(_table(tool, "maturin").get("python-source")),
    ]
    places = _directories(project, found)
    if not places:
        source = os.path.join(project, _SRC)  # noqa: PTH118
        places = [source if _holds_python(source) else project]
    pytest = _texts(_table(tool, "pytest", "ini_options").get("pythonpath"))
    return tuple(dict.fromkeys([*places, *_directories(project, pytest)]))


def editable_installs(path: Sequence[str]) -> dict[str, str]:
    """By name of a distribution, the directory that it was installed from as editable (PEP 610).

    Args:
        path: Where distributions are looked for: directories as `sys.path` has them.
    """
    found: dict[str, str] = {}
    for folder in path:
        try:
            names = os.listdir(folder or os.curdir)  # noqa: PTH208 - the names alone
        except OSError:  # not there, or a zip
            continue
        for entry in names:
            if entry.endswith(".dist-info") and (place := _editable_place(f"{folder}/{entry}")):
                name = re.sub(r"[-_.]+", "-", entry.partition("-")[0]).lower()
                found.setdefault(name, place)
            elif entry.endswith(".egg-link") and (place := _first_line(f"{folder}/{entry}")):
                name = re.sub(r"[-_.]+", "-", entry.removesuffix(".egg-link")).lower()
                found.setdefault(name, place)
    return found


def editable_outside(root: Path, path: Sequence[str] | None = None) -> dict[str, str]:
    """By name, the directories of editable installations that lie outside of a project's repository.

    Directories that are on `sys.path` by a `.pth` file or PYTHONPATH count too, by their path; nemorun's own
    code does not: what of it runs in jobs is recorded as the runtime.

    Args:
        root: The root of the nemorun project.
        path: As for `import_roots`.
    """
    search = sys.path[1:] if path is None else path
    top = repository_around(root)
    tops = (top, os.path.realpath(top), *_OWN)
    found = {
        name: place
        for name, place in editable_installs(search).items()
        if name != _OWN_NAME and not any(is_within(place, one) for one in tops)
    }
    homes = {os.path.realpath(one) for one in (sys.prefix, sys.base_prefix, sys.exec_prefix)}
    for one in search:
        place = os.path.realpath(one)
        is_told = any(
            is_within(one, other) or is_within(place, other) for other in (*tops, *found.values())
        )
        is_of_python = any(is_within(place, home) for home in homes)
        if (
            os.path.isdir(one)  # noqa: PTH112
            and not is_told
            and not is_of_python
            and _INSTALLED.isdisjoint(Path(one).parts)
            and not os.path.isfile(os.path.join(one, _OWN_CODE))  # noqa: PTH113, PTH118
        ):
            found[one] = one
    return {name: place for name, place in found.items() if os.path.isdir(place)}  # noqa: PTH112


def _editable_place(metadata: str) -> str | None:
    try:
        with open(f"{metadata}/{_DIRECT_URL}", "rb") as file:  # noqa: PTH123 - asked for every distribution
            document = json.load(file)
        if not document["dir_info"].get("editable"):
            return None
        url = urlsplit(document["url"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return os.path.normpath(unquote(url.path)) if url.scheme == "file" else None


def _first_line(file: str) -> str | None:
    try:
        return Path(file).read_text(encoding="utf-8", errors="surrogateescape").split("\n")[0]
    except OSError:
        return None


@cache
def _editable_roots(top: str, path: tuple[str, ...]) -> tuple[str, ...]:
    """Where the projects of a repository that this interpreter has installed as editable are imported from."""
    places = {os.path.realpath(top): top, top: top}
    found: dict[str, None] = {}
    for one in editable_installs(path).values():
        if (inside := _moved(one, places)) is not None:
            found |= dict.fromkeys(declared_roots(inside))
    for one in path:
        is_plain = os.path.isabs(one) and _INSTALLED.isdisjoint(Path(one).parts)  # noqa: PTH117
        if is_plain and (inside := _moved(one, places)) is not None and _is_code(inside, top):
            found[inside] = None
    return tuple(found)


def _moved(path: str, places: Mapping[str, str]) -> str | None:
    for real, as_written in places.items():
        if is_within(path, real):
            return as_written + path[len(real) :]
    return None


def _is_code(place: str, top: str) -> bool:
    """False for an interpreter's own directories, whose environment lies in the repository."""
    one = Path(place)
    return not any(
        (parent / "pyvenv.cfg").exists() or (parent / "conda-meta").exists()
        for parent in (one, *one.parents)
        if is_within(str(parent), top)
    )


def _project_around(directory: str, top: str) -> str | None:
    """The nearest directory, up to the repository's root, with a file that makes it a Python project."""
    for one in (directory, *map(str, Path(directory).parents)):
        if not is_within(one, top):
            return None
        if any(os.path.isfile(os.path.join(one, name)) for name in _PROJECT_FILES):  # noqa: PTH113, PTH118
            return one
    return None


def _above_packages(file: str, top: str) -> str | None:
    """The directory above the topmost `__init__.py` around a file; None where it lies in no package.

    Like pytest's `resolve_package_path`: the chain ends at the first directory without `__init__.py`, or
    whose name cannot be imported.
    """
    directory = os.path.dirname(file)  # noqa: PTH120
    found = None
    while (
        directory != top
        and is_within(directory, top)
        and os.path.basename(directory).isidentifier()  # noqa: PTH119
        and os.path.isfile(os.path.join(directory, "__init__.py"))  # noqa: PTH113, PTH118
    ):
        directory = found = os.path.dirname(directory)  # noqa: PTH120
    return found


def _read_toml(path: str) -> Mapping[str, Any]:
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}


def _table(tree: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    for name in names:
        tree = tree.get(name, {}) if isinstance(tree, dict) else {}
    return tree if isinstance(tree, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _texts(value: object) -> list[str]:
    """The texts of a setting that is one, or a list of them."""
    return [value] if isinstance(value, str) else [one for one in _list(value) if type(one) is str]


def _of_packages(packages: object) -> Iterator[str]:
    """The directories of packages that are named by their paths (`src/mypkg`)."""
    for one in _texts(packages):
        yield os.path.dirname(one.rstrip("/")) or "."  # noqa: PTH120


def _of_setuptools(table: Mapping[str, Any]) -> Iterator[str]:
    for name, place in _table(table, "package-dir").items():
        yield from _of_mapping(name, place)
    yield from _texts(_table(table, "packages", "find").get("where"))


def _of_mapping(name: str, place: object) -> Iterator[str]:
    """`"" = "src"`, and `mypkg = "lib/mypkg"`; another name than the directory's is no import root."""
    parts = name.split(".") if name else []
    folders = str(place).strip("/").split("/")
    if not parts:
        yield str(place)
    elif folders[-len(parts) :] == parts:
        yield "/".join(folders[: -len(parts)]) or "."


def _of_setup_cfg(path: str) -> Iterator[str]:
    if not os.path.isfile(path):  # noqa: PTH113
        return
    from configparser import ConfigParser, Error  # noqa: PLC0415 - 3 ms, and few projects have the file

    parser = ConfigParser(interpolation=None)
    try:
        parser.read(path, encoding="utf-8")
        mapping = parser.get("options", "package_dir", fallback="")
        where = parser.get("options.packages.find", "where", fallback="")
    except (Error, UnicodeDecodeError):
        return
    for line in mapping.replace(",", "\n").splitlines():
        name, is_pair, place = line.partition("=")
        if is_pair:
            yield from _of_mapping(name.strip(), place.strip())
    yield from (one.strip() for one in where.replace(",", "\n").splitlines() if one.strip())


def _of_setup_py(path: str) -> Iterator[str]:
    """`package_dir={"": "src"}` where it is written so; the program itself is not run."""
    try:
        text = Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return
    if found := _SETUP_PY_ROOT.search(text):
        yield found[1]


def _of_hatch(build: Mapping[str, Any]) -> Iterator[str]:
    for table in (build, _table(build, "targets", "wheel")):
        yield from _of_packages(table.get("packages"))
        sources = table.get("sources")
        yield from _texts(sources)
        if isinstance(sources, dict):
            yield from (place for place, name in sources.items() if name == "")
        yield from _texts(table.get("dev-mode-dirs"))


def _directories(project: str, found: Sequence[str]) -> list[str]:
    places = [os.path.normpath(os.path.join(project, one)) for one in found]  # noqa: PTH118
    return [one for one in dict.fromkeys(places) if os.path.isdir(one)]  # noqa: PTH112


def _holds_python(source: str) -> bool:
    """True for a `src` directory that is no package itself, and has Python code in it."""
    try:
        names = set(os.listdir(source))  # noqa: PTH208 - the names alone
    except OSError:
        return False
    if "__init__.py" in names:
        return False
    return any(
        name.endswith(".py") or (name.isidentifier() and os.path.isdir(os.path.join(source, name)))  # noqa: PTH112, PTH118
        for name in names
    )
