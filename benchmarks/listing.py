"""What it costs to list a large project whose dependencies are not installed."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

from peers import peer_bin
from rows import Against, Row
from timing import BenchmarkError, Command, Setting, medians, nemorun_argv, output_of

if TYPE_CHECKING:
    from pathlib import Path

_TASKS_A_MODULE = 10

_OURS = '''
@nemorun.task
def work_{number}(learning_rate: float = 0.1, seed: int = 0) -> dict:
    """Do piece {number} of the work."""
    return {{"learning_rate": learning_rate, "seed": seed}}
'''

_INVOKE = '''
@task
def work_{number}(context, learning_rate=0.1, seed=0):
    """Do piece {number} of the work."""
    return {{"learning_rate": learning_rate, "seed": seed}}
'''

_PYTEST = '''
def test_work_{number}():
    """Do piece {number} of the work."""
    assert {{"learning_rate": 0.1, "seed": 0}}
'''


def measure(setting: Setting) -> list[Row]:
    """1,000 tasks against both peers, 10,000 against the clock; each warm, and with an empty cache.

    The peers keep their bytecode in both cases.
    """
    warm = _ours(setting.workdir / "ours", modules=100)
    large = _ours(setting.workdir / "large", modules=1000)
    took = medians(
        {
            "warm": warm,
            "first": _first(warm),
            "invoke": _invoke(setting, modules=100),
            "pytest": _pytest(setting, modules=100),
        },
        setting.repeat,
    )
    took_large = medians({"warm": large, "first": _first(large)}, setting.repeat)
    rows = []
    for state, words in (("warm", ""), ("first", ", nothing cached")):
        name = f"`nemorun list`, 1,000 tasks{words}"
        rows += [
            _ratio(name, took[state], "`invoke --list`", took["invoke"], 0.5),
            _ratio(name, took[state], "`pytest --collect-only -q`", took["pytest"], 0.25),
            Row(
                name=f"`nemorun list`, 10,000 tasks{words}",
                ours_s=took_large[state],
                against=Against.CLOCK,
                at_most=1.5,
            ),
        ]
    return rows


def _ratio(name: str, ours_s: float, peer: str, peer_s: float, at_most: float) -> Row:
    return Row(
        name=name, ours_s=ours_s, peer=peer, peer_s=peer_s, against=Against.PEER, at_most=at_most
    )


def _first(command: Command) -> Command:
    home = command.home.with_name("first-home")
    return dataclasses.replace(command, home=home, is_first=True)


def _ours(root: Path, *, modules: int) -> Command:
    _write(root / "nemorun.toml", '[project]\npaths = ["tasks"]\n')
    head = "import a_package_that_is_not_installed\n\nimport nemorun\n"
    for module in range(modules):
        _write(root / "tasks" / f"part_{module:04}.py", head + _functions(_OURS, module))
    command = Command(argv=nemorun_argv("list"), cwd=root, home=root / "home")
    asked = Command(argv=nemorun_argv("list", "tasks", "--json"), cwd=root, home=root / "home")
    document = json.loads(output_of(asked))
    _expect(len(document["tasks"]), modules, "nemorun")
    return command


def _invoke(setting: Setting, *, modules: int) -> Command:
    root = setting.workdir / "invoke"
    names = [f"part_{module:04}" for module in range(modules)]
    imports = "".join(f"from tasks import {name}\n" for name in names)
    added = "".join(f"ns.add_collection({name})\n" for name in names)
    text = f"from invoke import Collection\n{imports}\nns = Collection()\n{added}"
    _write(root / "tasks" / "__init__.py", text)
    for module, name in enumerate(names):
        text = "from invoke import task\n" + _functions(_INVOKE, module)
        _write(root / "tasks" / f"{name}.py", text)
    argv = (str(peer_bin("invoke", setting.peers) / "invoke"), "--list")
    command = Command(argv=argv, cwd=root, home=root / "home")
    _expect(output_of(command).count(".work-"), modules, "invoke")
    return command


def _pytest(setting: Setting, *, modules: int) -> Command:
    root = setting.workdir / "pytest"
    for module in range(modules):
        _write(root / "tests" / f"test_part_{module:04}.py", _functions(_PYTEST, module))
    argv = (str(peer_bin("pytest", setting.peers) / "pytest"), "--collect-only", "-q")
    command = Command(argv=argv, cwd=root, home=root / "home")
    _expect(output_of(command).count("::test_work_"), modules, "pytest")
    return command


def _functions(template: str, module: int) -> str:
    first = module * _TASKS_A_MODULE
    return "\n".join(
        template.format(number=number) for number in range(first, first + _TASKS_A_MODULE)
    )


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _expect(found: int, modules: int, who: str) -> None:
    wanted = modules * _TASKS_A_MODULE
    if found != wanted:
        raise BenchmarkError(f"{who} listed {found} tasks instead of {wanted}")
