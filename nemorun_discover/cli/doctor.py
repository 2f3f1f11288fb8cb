"""`nemorun doctor`: is everything here as it should be, and how to mend what is not."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from nemorun_discover.cli.checks import (
    Check,
    Verdict,
    check_clusters,
    check_git,
    check_home,
    check_project,
    check_python,
    check_space,
)
from nemorun_discover.cli.console import open_console
from nemorun_discover.cli.options import nemorun_command
from nemorun_discover.cli.rival import check_command, check_environment
from nemorun_discover.errors import ExitCode
from nemorun_discover.store.home import open_home

if TYPE_CHECKING:
    from nemorun_discover.cli.console import Console, Span
    from nemorun_discover.cli.settings import Settings

_LOOKS = {
    Verdict.OK: ("✓", "+", "good"),
    Verdict.WARN: ("!", "!", "odd"),
    Verdict.FAIL: ("✗", "x", "bad"),
}


@nemorun_command("doctor", short_help="Check this machine, the home and the project.")
def doctor_command(settings: Settings) -> ExitCode:
    """Check this machine, the home and the project; exit 1 when something must be mended."""
    console = open_console(settings)
    checks = _examine(settings)
    if settings.json:
        console.document(
            {
                "schema": "nemorun.doctor/1",
                "checks": [
                    {
                        "name": check.name,
                        "verdict": str(check.verdict),
                        "message": check.message,
                        "remedy": check.remedy,
                    }
                    for check in checks
                ],
            }
        )
    else:
        _show(checks, console)
    has_failed = any(check.verdict is Verdict.FAIL for check in checks)
    return ExitCode.JOB_FAILED if has_failed else ExitCode.OK


def _examine(settings: Settings) -> list[Check]:
    root = open_home(os.environ).layout.root
    return [
        check_python(),
        check_command(os.environ),
        check_environment(),
        check_home(root),
        check_space(root),
        check_git(os.environ),
        *check_clusters(open_home(os.environ).layout.experiments),
        *check_project(settings),
    ]


def _show(checks: list[Check], console: Console) -> None:
    width = max(len(check.name) for check in checks)
    for check in checks:
        symbol, plain, style = _LOOKS[check.verdict]
        mark: Span = (f"{symbol if console.out.unicode else plain} {check.verdict:4}", style)
        console.out.line(mark, f"  {check.name.ljust(width)}  {check.message}")
        if check.remedy:
            console.out.line(f"{'':{width + 10}}mend it: {check.remedy}")
