"""`nemorun diff`: what differs between two experiments."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from nemorun_discover.cli.complete import complete_experiment
from nemorun_discover.cli.console import open_console
from nemorun_discover.cli.documents_compared import diff_document
from nemorun_discover.cli.options import all_projects_option, nemorun_command
from nemorun_discover.cli.reference import find_experiment, keep_going
from nemorun_discover.cli.render_diff import diff_lines
from nemorun_discover.errors import ExitCode
from nemorun_discover.lifecycle.compare import compare
from nemorun_discover.lifecycle.compare_code import unified_diff

if TYPE_CHECKING:
    from nemorun_discover.cli.settings import Settings


@nemorun_command("diff", short_help="Show what differs between two experiments.")
@click.argument("first", metavar="A", shell_complete=complete_experiment)
@click.argument("second", metavar="B", shell_complete=complete_experiment)
@click.option("--code", "show_code", is_flag=True, help="Print the changed lines of the code only.")
@all_projects_option
def diff_command(settings: Settings, first: str, second: str, *, show_code: bool) -> ExitCode:
    """Show what differs between two experiments: code, parameters, configuration, environment, results.

    A and B are ids, unique beginnings or ends of them, or @last, this project's last experiment. Jobs
    belong together that have the same id, else the same task and executor. As with diff, the exit code is 0 when nothing differs, else 1.
    """
    console = open_console(settings)
    home, first_id = find_experiment(first, settings, console)
    _, second_id = find_experiment(second, settings, console)
    for one in dict.fromkeys((first_id, second_id)):
        keep_going(home, one, console)
    found = compare(home, first_id, second_id)
    if settings.json:
        console.document(diff_document(found))
    elif show_code:
        records = (home.read_record(first_id), home.read_record(second_id))
        console.out.text("".join(unified_diff(home.layout.packages, *records, found.code)))
        for sentence in found.code.unknown:
            console.note(f"note: not known: {sentence}")
        return ExitCode.JOB_FAILED if found.code.files else ExitCode.OK
    else:
        console.out.lines(diff_lines(found, console.out))
    return ExitCode.OK if found.is_equal else ExitCode.JOB_FAILED
