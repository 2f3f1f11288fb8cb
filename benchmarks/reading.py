"""What it costs to look at a home with 10,000 experiments in it."""

from __future__ import annotations

import json
import random
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from rows import Against, Row
from timing import BenchmarkError, Command, Setting, medians, nemorun_argv, output_of

if TYPE_CHECKING:
    from pathlib import Path

_RECORDS = 10_000
_ALPHABET = "abcdefghjkmnpqrstvwxyz23456789"
_TASKS = "import nemorun\n\n\n@nemorun.task\ndef train(seed: int = 0) -> dict:\n    return {}\n"


def measure(setting: Setting) -> list[Row]:
    """`status` and `experiments`, each the plain command and the JSON of it."""
    root = setting.workdir
    (root / "tasks").mkdir()
    (root / "tasks" / "train.py").write_text(_TASKS, encoding="utf-8")
    (root / "nemorun.toml").write_text('[project]\npaths = ["tasks"]\n', encoding="utf-8")
    home = root / "home"
    output_of(Command(argv=nemorun_argv("run", "-k", "=train"), cwd=root, home=home))
    newest, oldest = _multiply(home / ".run" / "experiments")
    commands = {
        "status": Command(argv=nemorun_argv("status"), cwd=root, home=home),
        f"status {oldest[-4:]}": Command(argv=nemorun_argv("status", oldest), cwd=root, home=home),
        "experiments": Command(argv=nemorun_argv("experiments"), cwd=root, home=home),
    }
    for name, command in commands.items():
        if (oldest if oldest[-4:] in name else newest) not in output_of(command):
            raise BenchmarkError(f"nemorun {name} does not show the experiment it should")
    took = medians(commands, setting.repeat * 2)
    return [
        Row(
            name=f"`nemorun {name}`, {_RECORDS:,} records",
            ours_s=seconds,
            against=Against.CLOCK,
            at_most=0.3,
        )
        for name, seconds in took.items()
    ]


def _multiply(experiments: Path) -> tuple[str, str]:
    """Fill the home with copies of its one real experiment, each a minute older than the last.

    Returns:
        The ids of the newest (the real one) and of the oldest.
    """
    (real,) = (path for path in experiments.iterdir() if not path.name.startswith("."))
    files = {
        path.relative_to(real): path.read_bytes() for path in real.rglob("*") if path.is_file()
    }
    record = json.loads((real / "record.json").read_text(encoding="utf-8"))
    created = datetime.fromisoformat(record["created_at"])
    draw = random.Random(0)
    copy = real.name
    for minutes in range(1, _RECORDS):
        at = created - timedelta(minutes=minutes)
        copy = f"{at:%Y%m%d-%H%M}-train-{''.join(draw.choices(_ALPHABET, k=4))}"
        renamed = {
            name: content.replace(real.name.encode(), copy.encode())
            for name, content in files.items()
        }
        _write(experiments / copy, renamed)
        changed = record | {"id": copy, "created_at": at.isoformat()}
        (experiments / copy / "record.json").write_text(json.dumps(changed), encoding="utf-8")
    return real.name, copy


def _write(folder: Path, files: dict[Path, bytes]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
