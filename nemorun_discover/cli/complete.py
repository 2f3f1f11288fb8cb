"""What the shell offers on Tab: experiments, jobs, tasks and executors; silent when anything is wrong.

Imported with every command: what costs is imported when Tab is pressed.
"""

from __future__ import annotations

import os
import signal
from itertools import islice
from typing import TYPE_CHECKING

from nemorun_discover.cli.boundary import quietly
from nemorun_discover.cli.options import settings_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import click
    from click.shell_completion import CompletionItem

    from nemorun_discover.store.home import Home
    from nemorun_discover.store.scope import Scope

_EXPERIMENTS_OFFERED = 50
_PATIENCE_S = 1.0


def complete_experiment(ctx: click.Context, _param: click.Parameter, typed: str) -> list[str]:
    """`@last`, and the ids of this project's newest experiments."""
    return _offer(typed, lambda: _experiments(ctx))


def complete_experiment_or_job(
    ctx: click.Context, _param: click.Parameter, typed: str
) -> list[str]:
    """`[EXP] [JOB]...`: experiments and the last one's jobs; after an experiment, its jobs."""
    words: list[str] = ctx.params.get("words") or []
    if words:
        return _offer(typed, lambda: _jobs(ctx, words[0]))
    return _offer(typed, lambda: [*_jobs(ctx, None), *_experiments(ctx)])


def complete_task(ctx: click.Context, _param: click.Parameter, typed: str) -> list[str]:
    """Names of the project's tasks; the last word of an expression is completed."""
    before, _, word = typed.rpartition(" ")
    lead = f"{before} " if before else ""
    return [lead + name for name in _offer(word, lambda: _tasks(ctx))]


def complete_node(ctx: click.Context, _param: click.Parameter, typed: str) -> list[str]:
    """Node ids of the project's tasks: `tasks/train.py::train`."""
    return _offer(typed, lambda: _nodes(ctx))


def complete_word(ctx: click.Context, param: click.Parameter, typed: str) -> list[CompletionItem]:
    """The words of `run`: node ids, and files where the shell knows them better."""
    from click.shell_completion import CompletionItem  # noqa: PLC0415 - on Tab only

    nodes = [CompletionItem(name) for name in complete_node(ctx, param, typed)]
    return nodes or [CompletionItem(typed, type="file")]


def complete_executor(ctx: click.Context, _param: click.Parameter, typed: str) -> list[str]:
    """Names of executors; after a comma the next one."""
    before, comma, word = typed.rpartition(",")
    return [before + comma + name for name in _offer(word, lambda: _executors(ctx))]


def _offer(typed: str, names: Callable[[], Iterable[str]]) -> list[str]:
    nothing: list[str] = []
    found = quietly(lambda: _in_time(names), nothing)
    return [name for name in dict.fromkeys(found) if name.startswith(typed)]


class _TooSlow(Exception):
    """Nobody waits longer for a Tab."""


def _in_time(names: Callable[[], Iterable[str]]) -> list[str]:
    """The names, unless they take too long: outside a project, a scan may mean a whole home directory."""
    signal.signal(signal.SIGALRM, _give_up)
    signal.setitimer(signal.ITIMER_REAL, _PATIENCE_S)
    try:
        return list(names())
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _give_up(_number: int, _frame: object) -> None:
    raise _TooSlow


def _experiments(ctx: click.Context) -> list[str]:
    home, scope = _home_and_scope(ctx)
    newest = list(islice(home.newest_of(scope()), _EXPERIMENTS_OFFERED))
    return ["@last", *newest] if newest else []


def _jobs(ctx: click.Context, reference: str | None) -> list[str]:
    home, scope = _home_and_scope(ctx)
    return [job.id for job in home.read_record(home.find(reference, scope)).jobs]


def _home_and_scope(ctx: click.Context) -> tuple[Home, Callable[[], Scope]]:
    from nemorun_discover.cli.reference import scope_here  # noqa: PLC0415 - on Tab only
    from nemorun_discover.store.home import open_home  # noqa: PLC0415 - likewise

    home = open_home(os.environ)
    return home, scope_here(home, settings_of(ctx))


def _tasks(ctx: click.Context) -> list[str]:
    from nemorun_discover.cli.project import open_project  # noqa: PLC0415 - on Tab only

    return [task.name for task in open_project(settings_of(ctx), may_import=False).collection.tasks]


def _nodes(ctx: click.Context) -> list[str]:
    from nemorun_discover.cli.project import open_project  # noqa: PLC0415 - on Tab only

    return [task.id for task in open_project(settings_of(ctx), may_import=False).collection.tasks]


def _executors(ctx: click.Context) -> list[str]:
    from nemorun_discover.cli.project import open_project  # noqa: PLC0415 - on Tab only

    return [one.name for one in open_project(settings_of(ctx), may_import=False).executors]
