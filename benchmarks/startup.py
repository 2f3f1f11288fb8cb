"""What it costs to start: `import nemorun` and `nemorun --help`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rows import Against, Row
from timing import Command, Setting, medians, nemorun_argv

if TYPE_CHECKING:
    from collections.abc import Sequence


def measure(setting: Setting) -> list[Row]:
    """`import nemorun` over bare Python, `nemorun --help` over an import of click."""

    def command(argv: Sequence[str]) -> Command:
        return Command(argv=tuple(argv), cwd=setting.workdir, home=setting.workdir / "home")

    took = medians(
        {
            "bare": command((sys.executable, "-c", "pass")),
            "import": command((sys.executable, "-c", "import nemorun")),
            "click": command((sys.executable, "-c", "import click")),
            "help": command(nemorun_argv("--help")),
        },
        # Tens of milliseconds each: more repetitions cost little and steady the median.
        setting.repeat * 4,
    )
    return [
        Row(
            name="`import nemorun`",
            ours_s=took["import"],
            peer="`python -c pass`",
            peer_s=took["bare"],
            against=Against.PEER_PLUS,
            at_most=0.030,
        ),
        Row(
            name="`nemorun --help`",
            ours_s=took["help"],
            peer='`python -c "import click"`',
            peer_s=took["click"],
            against=Against.PEER,
            at_most=2.5,
        ),
    ]
