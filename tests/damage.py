"""Damages one file in one of many ways, by chance that can be repeated."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from pathlib import Path

SEED = int(os.environ.get("NEMORUN_DAMAGE_SEED", "12"))
VALUES = [
    None, True, -1, 0, 5, 2**31, 10**30, -(10**400), 1e308, "", "5", "x" * 5000, "\x00", "\ud800", [], {}, [[]],
    "DONE", "LOST", "2026-11-22T07:12:03", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00", {"a": None},
]  # fmt: skip
SPOILT = [
    b"", b"\0" * 100, b"5", b"[]", b"null", b'"x"', b"{}", b"\xff\xfe{", b"NaN", b'{"exit_code": NaN}', b"[" * 100_000,
    b'{"a":' * 5000 + b"1" + b"}" * 5000, b" ", b"\n\n",
]  # fmt: skip


def spoil(path: Path, dice: random.Random) -> str:
    """Damage a file in one way; what was done, in words."""
    content = path.read_bytes()
    how = dice.randrange(8)
    if how == 0 and content:
        place, bit = dice.randrange(len(content)), dice.randrange(8)
        path.write_bytes(
            content[:place] + bytes([content[place] ^ 1 << bit]) + content[place + 1 :]
        )
        return f"bit {bit} of byte {place}"
    if how == 1:
        end = dice.randrange(len(content) + 1)
        path.write_bytes(content[:end])
        return f"cut at {end}"
    if how == 2:
        path.write_bytes(dice.choice(SPOILT))
        return f"{path.read_bytes()[:20]!r} in its place"
    if how == 3:
        path.unlink()
        what = dice.choice(["directory", "dangling", "loop", "fifo", "sparse"])
        if what == "directory":
            path.mkdir()
        elif what == "fifo":
            os.mkfifo(path)
        elif what == "sparse":
            with path.open("wb") as file:
                file.truncate(1 << 33)
        else:
            path.symlink_to(path if what == "loop" else path.with_name("nowhere"))
        return f"a {what} in its place"
    return _change_a_value(path, content, dice)


def _change_a_value(path: Path, content: bytes, dice: random.Random) -> str:
    lines = content.split(b"\n")
    is_journal = path.suffix == ".jsonl"
    number = dice.randrange(len(lines) - 1) if is_journal else 0
    document = json.loads(lines[number] if is_journal else content)
    holder, keys = document, []
    while isinstance(holder, (dict, list)) and holder:
        key = dice.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
        keys.append(key)
        if not (isinstance(holder[key], (dict, list)) and holder[key] and dice.random() < 0.7):
            break
        holder = holder[key]
    if not keys:
        path.write_bytes(b"5")
        return "5 in its place"
    if dice.random() < 0.25:
        del holder[keys[-1]]
        what = "without"
    else:
        holder[keys[-1]] = dice.choice(VALUES)
        what = f"{holder[keys[-1]]!r:.40} at"
    text = json.dumps(document).encode()
    path.write_bytes(
        b"\n".join([*lines[:number], text, *lines[number + 1 :]]) if is_journal else text
    )
    return f"{what} {keys} of line {number}"


def put_back(path: Path, content: bytes) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    path.write_bytes(content)
