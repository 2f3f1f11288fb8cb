"""Whether an experiment would run now as it ran then, and whether it did when it was run again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nemorun_discover.config.resolve import executor_names, resolve_executor
from nemorun_discover.errors import NemorunError
from nemorun_discover.executors.codec import executor_to_dict
from nemorun_discover.lifecycle.again import was_made_by_a_script
from nemorun_discover.lifecycle.collecting import collect_project
from nemorun_discover.lifecycle.compare import executor_differences, installed_differences
from nemorun_discover.lifecycle.compare_jobs import pair_jobs, result_differences
from nemorun_discover.lifecycle.finding import Finding
from nemorun_discover.lifecycle.leaves import differences
from nemorun_discover.lifecycle.live_code import code_now, editable_code
from nemorun_discover.lifecycle.observe import observe_record
from nemorun_discover.lifecycle.provenance import interpreter
from nemorun_discover.lifecycle.references import hide_executors
from nemorun_discover.lifecycle.reproduce_code import check_code
from nemorun_discover.lifecycle.rerun_executors import config_of
from nemorun_discover.lifecycle.secrets import hidden_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nemorun_discover.lifecycle.leaves import Difference
    from nemorun_discover.model.record import Interpreter, Record
    from nemorun_discover.store.home import Home


def check(
    home: Home, record: Record, *, config_file: Path | None = None, options: Sequence[str] = ()
) -> tuple[Finding, ...]:
    """What is as it was when the experiment was launched, what is not, and what cannot be proven.

    Args:
        home: Where its packages are.
        record: The experiment.
        config_file: `-c`; None for the recorded file.
        options: `-o`, to be given again where the experiment was started with them.
    """
    return (
        *check_code(home, record),
        *_check_config(home, record, config_file, options),
        *_check_interpreter(record),
        *_check_editable(home, record),
    )


def _check_config(
    home: Home, record: Record, config_file: Path | None, options: Sequence[str]
) -> Iterator[Finding]:
    """Every executor, as the configuration resolves it now, field by field."""
    if was_made_by_a_script(home, record):
        message = "the executors were made by a script, and not by the configuration"
        yield _of_config(holds=None, message=message)
        return
    try:
        config = config_of(record.project, config_file, options)
        factories = collect_project(config).factories
        known = {one.name for one in executor_names(config, factories)}
    except NemorunError as error:
        message = f"the configuration cannot be read now: {error.message}"
        yield _of_config(holds=False, message=message)
        return
    near = {job.executor: job.file for job in reversed(record.jobs)}
    for name, table in record.executors.items():
        word = name.rpartition("/")[2]
        if word not in known:
            yield _of_config(holds=False, message=f"{name}: there is no such executor any more")
            continue
        try:
            executor = resolve_executor(
                word, config=config, factories=factories, near=near.get(name, "")
            )
        except NemorunError as error:
            yield _of_config(holds=False, message=f"{name}: is wrong now: {error.message}")
            continue
        now, _ = hide_executors({name: executor_to_dict(executor)}, config)
        yield _compared(name, table, now[name])
        if names := hidden_in(table):
            yield _of_config(
                holds=None,
                message=f"{name}: the values of secrets are not recorded: {', '.join(names)}",
            )


def _of_config(*, holds: bool | None, message: str) -> Finding:
    return Finding(area="config", holds=holds, message=message)


def _compared(name: str, then: dict[str, object], now: dict[str, object]) -> Finding:
    found = tuple(executor_differences(f"executor {name}", then, now))
    if not found:
        return _of_config(holds=True, message=f"{name}: the executor is the same")
    return Finding(
        area="config", holds=False, message=f"{name}: the executor differs", differences=found
    )


def _check_interpreter(record: Record) -> Iterator[Finding]:
    then, now = record.interpreter, interpreter()
    if then is None:
        yield Finding(
            area="interpreter", holds=None, message="what was installed then is not recorded"
        )
    else:
        yield _same_interpreter(then, now)
    for name, table in record.executors.items():
        if table.get("python"):
            yield Finding(
                area="interpreter",
                holds=None,
                message=f"{name}: what {table['python']} had installed is not recorded",
            )


def _check_editable(home: Home, record: Record) -> Iterator[Finding]:
    """The code of editable installations outside of the repository, which no package holds."""
    root = Path(record.project.root)
    if record.interpreter is None or not root.is_dir():
        return
    then = record.interpreter.editable
    now = editable_code(root, code_now(record, home.folders()))
    for name in {**(then or {}), **now}:
        place = f"{name}, installed as editable" if "/" not in name else f"{name}, on sys.path"
        before, after = (then or {}).get(name), now.get(name)
        if then is None or (before is not None and before.digest is None):
            yield Finding(
                area="interpreter", holds=None, message=f"{place}: its code is not recorded"
            )
        elif before is None or after is None:
            which = "was not there then" if before is None else "is not there any more"
            yield Finding(area="interpreter", holds=False, message=f"{place}: {which}")
        elif before != after:
            yield Finding(
                area="interpreter",
                holds=False,
                message=f"{place}: its code in {after.path} differs",
            )
        else:
            yield Finding(area="interpreter", holds=True, message=f"{place}: its code is the same")


def _same_interpreter(then: Interpreter, now: Interpreter) -> Finding:
    found = (
        *differences("interpreter", {"version": then.version}, {"version": now.version}),
        *installed_differences(then.installed, now.installed),
    )
    if found:
        return Finding(
            area="interpreter",
            holds=False,
            message="Python or what is installed differs",
            differences=found,
        )
    return Finding(
        area="interpreter",
        holds=True,
        message=f"Python {now.version} and {len(now.installed)} distributions are the same",
    )


def compare_results(home: Home, first_id: str, second_id: str) -> tuple[Difference, ...]:
    """How the results of two runs of the same jobs differ."""
    first, second = home.read_record(first_id), home.read_record(second_id)
    pairs = pair_jobs(first.jobs, second.jobs).pairs
    before = {job.id: job for job in observe_record(home, first).jobs}
    after = {job.id: job for job in observe_record(home, second).jobs}
    return result_differences(pairs, before, after)
