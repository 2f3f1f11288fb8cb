"""The lines of the house: who may import whom, one home per SDK, what stays quiet."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from nemorun_discover.packaging.runtime import IMPORT_ROOT, MODULES, build_runtime, runtime_name
from nemorun_discover.schedulers.table import SCHEDULERS

PACKAGE = Path(__file__).resolve().parents[1] / "nemorun_discover"
FILES = sorted(PACKAGE.rglob("*.py"))

# A folder imports only from lines below its own; folders on one line do not know each other.
LINES = (
    ("api", "testing"),
    ("cli", "torchx_command"),
    ("lifecycle",),
    ("plugins",),
    ("worker",),
    ("schedulers", "store"),
    ("packaging", "transport", "launchers"),
    ("config",),
    ("discovery", "executors"),
    ("documents",),
    ("model",),
    ("errors", "files", "garbage", "secrets", "version"),
    ("shortage",),
)
LEVEL = {name: len(LINES) - index for index, line in enumerate(LINES) for name in line}

# Where an SDK may be imported; everything else goes through that place.
SDK_HOMES = {
    "click": ("cli/",),
    "rich": ("cli/",),
    "tomlkit": ("config/",),
    "tomllib": ("config/",),
    "platformdirs": ("config/",),
    # Values of nemorun.toml; the journal and the record; every other document that is read from disk.
    "msgspec": ("config/", "store/", "documents.py"),
    "pluggy": ("plugins/",),
    "paramiko": ("transport/ssh",),
    "torchx": ("schedulers/", "torchx_command/"),
    "docker": ("schedulers/docker/",),
    "sky": ("schedulers/skypilot/",),
    "pytest": ("testing/",),
}
TORCHX_WORDS = re.compile(r"\b(AppDef|AppHandle|RoleStatus|replica_id)\b")


def place_of(file: Path) -> str:
    return file.relative_to(PACKAGE).as_posix()


def folder_of(file: Path) -> str:
    return place_of(file).partition("/")[0].removesuffix(".py")


def imports_of(file: Path) -> set[str]:
    """Every module a file imports, at its top or later; those for type checkers count too."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


@pytest.mark.parametrize("file", FILES, ids=place_of)
def test_a_folder_imports_only_from_lines_below(file):
    own = folder_of(file)
    if own == "__init__":
        return
    imported = {
        name.split(".")[1] for name in imports_of(file) if name.startswith("nemorun_discover.")
    }
    known = {name for name in imported if name in LEVEL and name != own}

    assert {name for name in known if LEVEL[name] >= LEVEL[own]} == set()


def test_every_folder_has_its_line():
    folders = {folder_of(file) for file in FILES} - {"__init__"}

    assert folders <= set(LEVEL)


@pytest.mark.parametrize("file", FILES, ids=place_of)
def test_an_sdk_is_imported_in_its_home_only(file):
    imported = {name.partition(".")[0] for name in imports_of(file)}
    strangers = {
        name for name in imported & set(SDK_HOMES) if not place_of(file).startswith(SDK_HOMES[name])
    }

    assert strangers == set()


@pytest.mark.parametrize(
    "file", [one for one in FILES if folder_of(one) not in ("cli", "worker")], ids=place_of
)
def test_only_the_cli_prints_exits_or_catches_everything(file):
    tree = ast.parse(file.read_text())
    called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    caught = {
        ast.unparse(node.type) if node.type else "everything"
        for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler)
    }

    assert called & {"print", "sys.exit", "exit", "quit"} == set()
    # A user's own file is called here, and may raise anything: it becomes our error at once.
    if place_of(file) not in CALLS_USER_CODE:
        assert caught & {"everything", "Exception", "BaseException"} == set()


CALLS_USER_CODE = {
    "config/crashes.py",
    "config/factories.py",
    "discovery/_describe.py",
    "discovery/_describe_types.py",
    "plugins/hooks.py",
    "plugins/load.py",
    "plugins/reference.py",
    "schedulers/torchx/calls.py",
}


def test_nothing_above_the_adapters_asks_what_kind_an_executor_is_of():
    """What a kind can do is declared by its settings and its scheduler: a plugin's kind is in no list of ours."""
    found = [
        f"{place_of(file)}:{node.lineno}: {ast.unparse(node)}"
        for file in FILES
        if folder_of(file)
        not in ("schedulers", "executors", "packaging")  # git has a scope "local"
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Compare)
        and {one.value for one in ast.walk(node) if isinstance(one, ast.Constant)} & set(SCHEDULERS)
    ]

    assert found == []


@pytest.mark.parametrize("file", FILES, ids=place_of)
def test_words_of_torchx_stay_where_torchx_is(file):
    if folder_of(file) not in ("schedulers", "torchx_command"):
        assert TORCHX_WORDS.search(file.read_text()) is None


def test_no_file_is_named_after_nothing():
    names = {file.stem for file in FILES}

    assert names & {"utils", "util", "helpers", "common", "misc", "manager"} == set()


def test_the_runtime_carries_all_that_it_imports():
    carried = {
        name.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for name in MODULES
    }
    wanted = {
        name
        for module in MODULES
        for name in imports_of(IMPORT_ROOT / module)
        if name.startswith("nemorun") and is_module(name)
    }
    for_type_checkers_only = {"nemorun_discover.model"}

    worker = {name for name in wanted if is_used_by_worker(name)}
    assert worker - for_type_checkers_only <= carried | for_type_checkers_only


def is_module(name: str) -> bool:
    path = IMPORT_ROOT / name.replace(".", "/")
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()


def is_used_by_worker(name: str) -> bool:
    return name.startswith(("nemorun_discover.worker", "nemorun_discover.files"))


def test_the_runtime_names_its_own_content():
    assert build_runtime() == build_runtime()
    assert re.fullmatch(r"runtime-[0-9a-f]{32}\.zip", runtime_name())


@pytest.mark.parametrize(
    "module",
    ["errors", "model.layout", "model.replay", "model.ids", "worker.entry", "discovery.decorator"],
)
def test_it_imports_where_nothing_is_installed(module):
    program = (
        f"import sys; sys.path.insert(0, {str(IMPORT_ROOT)!r}); import nemorun_discover.{module}"
    )

    subprocess.run([sys.executable, "-S", "-I", "-c", program], check=True)


def test_the_runtime_asks_for_no_newer_python_than_it_promises():
    files = [str(IMPORT_ROOT / name) for name in MODULES]

    answer = subprocess.run(
        [
            sys.executable,
            "-c",
            "from vermin import main; main()",
            "-t=3.9-",
            "--no-tips",
            "--violations",
            "--eval-annotations",
            *files,
        ],
        capture_output=True,
        text=True,
        check=False,
    )

    assert answer.returncode == 0, answer.stdout
