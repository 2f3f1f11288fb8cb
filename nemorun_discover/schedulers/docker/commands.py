"""What a container starts: the worker where the image has Python, else the script itself. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from nemorun_discover.executors.codec import launcher_of
from nemorun_discover.executors.macros import ExecutorMacros
from nemorun_discover.launchers.table import launch_command, starts_all_processes
from nemorun_discover.schedulers.docker.networks import group_hosts
from nemorun_discover.schedulers.docker.places import (
    JOB_DIR,
    SECRETS,
    attempt_dir,
    place_of,
    seen_inside,
    settings,
)
from nemorun_discover.secrets import shell_words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nemorun_discover.schedulers.protocol import Submission

# The log is the job's from its first word on; `.` reads the secrets into the script's environment alone.
_SHELL = """\
exec >>"$1" 2>&1
if [ -f "$2" ]; then . "$2"; rm -f "$2"; fi
shift 2
exec "$@"
"""
# What `python ZIP` does, without runpy, which imports a dozen modules: official images have none of them compiled, so
# that each container compiles what it imports. With -B it does not write down for nobody what came out.
_RUN_ZIP = (
    "import sys, zipimport; sys.path[0] = zip = sys.argv.pop(1);"
    " exec(zipimport.zipimporter(zip).get_code('__main__'))"
)
_VALUES = {
    ExecutorMacros.HEAD_NODE_IP_VAR: "127.0.0.1",
    ExecutorMacros.NPROC_PER_NODE_VAR: "1",
    ExecutorMacros.NUM_NODES_VAR: "1",
    ExecutorMacros.NODE_RANK_VAR: "0",
    ExecutorMacros.FT_LAUNCHER_CFG_PATH_VAR: "",
    ExecutorMacros.JOB_DIR_VAR: JOB_DIR,
}


class Way(StrEnum):
    """How the job is started, by what the image has."""

    WORKER = "worker"
    SHELL = "shell"
    BARE = "bare"


def command_of(submission: Submission, way: Way, argv: Sequence[str], user: str) -> list[str]:
    """The whole command line.

    Args:
        submission: The attempt.
        way: How it is started.
        argv: The script's own, from job.json; the worker finds it there itself.
        user: Whom the worker makes the job's processes run as; empty for whom the container runs as.
    """
    if way is Way.WORKER:
        return _worker(submission, user)
    own = [filled_in(one, group_hosts(submission)) for one in argv]
    if way is Way.BARE:
        return own
    folder = attempt_dir(submission)
    begin = ["sh", "-c", _SHELL, "sh", f"{folder}/log", f"{folder}/{SECRETS}"]
    words = shell_words(own)
    if words is None:
        return [*begin, *own]
    begin[2] = _SHELL.replace(
        '"$@"', words
    )  # the shell puts the values in, which nobody sees from outside
    return begin


def filled_in(text: str, hosts: Sequence[str] = ()) -> str:
    """The text with its placeholders filled in, as the worker would do it."""
    if "${" not in text:
        return text
    for index, host in enumerate(hosts):
        text = text.replace(ExecutorMacros.group_host(index), host)
    for placeholder, value in _VALUES.items():
        text = text.replace(placeholder, value)
    return text


def secrets_text(values: Mapping[str, str]) -> str:
    """Secrets as a shell reads them."""
    return "".join(f"export {name}={quoted(value)}\n" for name, value in values.items())


def quoted(value: str) -> str:
    """One word for any POSIX shell."""
    return "'" + value.replace("'", "'\\''") + "'"


def _worker(submission: Submission, user: str) -> list[str]:
    executor, launcher = settings(submission), launcher_of(submission.executor)
    place, runtime = place_of(submission), seen_inside(submission).runtime
    attempt = str(submission.attempt)
    argv = [place.python, "-B", "-c", _RUN_ZIP, runtime, "--container", user, JOB_DIR, attempt]
    if executor.ntasks_per_node > 1 and not starts_all_processes(launcher):
        argv += ["--ranks", str(executor.ntasks_per_node)]
    rank = [place.python, runtime, "--rank", JOB_DIR, attempt]
    started = launch_command(launcher, place, rank)
    return argv if started == rank else [*argv, "--", *started]
