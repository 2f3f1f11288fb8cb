"""The shell text that SkyPilot runs on every node of a job. Pure.

It starts the worker in a folder of the node's own, waits for it, and prints what the job left (its exit
code, result and files) as marked lines of the log, which frames.py reads: the log is the one thing that comes
back from every cloud, also when the machine is gone a second later.
"""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, cast

from nemorun_discover.executors.codec import launcher_of
from nemorun_discover.launchers.place import Place
from nemorun_discover.launchers.ports import port_of
from nemorun_discover.launchers.table import launch_command, starts_all_processes
from nemorun_discover.schedulers.environment import Seen, job_environment, launcher_environment
from nemorun_discover.schedulers.skypilot.frames import LARGEST_OUTPUTS_BYTES, mark_of
from nemorun_discover.schedulers.skypilot.names import job_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nemorun_discover.executors.skypilot import SkypilotSettings
    from nemorun_discover.schedulers.protocol import Submission

PYTHON = "python3"
_DIGITS = 16
# Stands for the folder that SkyPilot syncs, which has another path on every cluster.
ROOT = "/@nemorun@"
# Words of a command that the shell fills in.
_NODE, _HEAD, _FOLDER = "@node@", "@head@", "@folder@"
_VARIABLES = {
    ROOT: "nemorun_root",
    _NODE: "nemorun_node",
    _HEAD: "MASTER_ADDR",
    _FOLDER: "nemorun_job",
}
_STAND_IN = re.compile("|".join(map(re.escape, _VARIABLES)))

_PLACE = """\
nemorun_root="$PWD"
nemorun_node="${{SKYPILOT_NODE_RANK:-0}}"
nemorun_shared="$nemorun_root"/{job}
nemorun_job="$nemorun_shared"
if [ "$nemorun_node" != 0 ]; then  # nodes may share one disk
  nemorun_job="$nemorun_shared.node-$nemorun_node"
  mkdir -p "$nemorun_job"
  cp "$nemorun_shared"/job.json "$nemorun_job"/
  [ ! -f "$nemorun_shared"/script ] || cp "$nemorun_shared"/script "$nemorun_job"/
fi
mkdir -p "$nemorun_job"/attempt-{attempt} "$nemorun_job"/outputs
"""
# A checkout for each job, made once: a later attempt finds what the one before has left there.
_CHECKOUT = """\
if [ ! -d "$nemorun_shared"/code ]; then
  nemorun_half="$nemorun_shared/.code.$nemorun_node.$$"
  cp -a "$nemorun_root"/{package} "$nemorun_half" || exit 125
  mv -T "$nemorun_half" "$nemorun_shared"/code 2>/dev/null || [ -d "$nemorun_shared"/code ] || exit 125
  rm -rf "$nemorun_half"
fi
"""
_NO_CODE = 'mkdir -p "$nemorun_shared"/code\n'
# A node's own folder has it too: what job.json says of the project's root is relative to that.
_CODE_OF_NODE = '[ "$nemorun_node" = 0 ] || ln -sfn "$nemorun_shared"/code "$nemorun_job"/code\n'
_NODES = """\
export NEMORUN_NNODES="${{SKYPILOT_NUM_NODES:-1}}" NEMORUN_NODE_RANK="$nemorun_node" NODE_RANK="$nemorun_node"
MASTER_ADDR="$(printf '%s\\n' "$SKYPILOT_NODE_IPS" | head -n 1)"
export MASTER_ADDR MASTER_PORT={port}
"""
_BEGIN = """\
nemorun_print() {{ base64 -w 1500 | sed "s/^/{mark} $nemorun_node $1 /"; }}
date -u +%Y-%m-%dT%H:%M:%SZ | nemorun_print start
"""
# The worker leaves with 0 whatever the job did, so that its own failures can be told from the job's.
_RUN = """\
cd "$nemorun_shared"/{root} || exit 125
{command}
nemorun_code=$?
cd "$nemorun_job" || exit 125
if [ -f attempt-{attempt}/exit.json ]; then
  nemorun_code="$(sed -n 's/^  "exit_code": \\([0-9]*\\),$/\\1/p' attempt-{attempt}/exit.json)"
  nemorun_print exit < attempt-{attempt}/exit.json
  [ ! -f attempt-{attempt}/error.json ] || nemorun_print error < attempt-{attempt}/error.json
  [ ! -f result.json ] || nemorun_print result < result.json
  if [ -n "$(ls -A outputs)" ]; then
    tar -czf .outputs.tgz outputs
    if [ "$(wc -c < .outputs.tgz)" -le {limit} ]; then nemorun_print outputs < .outputs.tgz
    else wc -c < .outputs.tgz | nemorun_print left; fi
    rm -f .outputs.tgz
  fi
fi
nemorun_code="${{nemorun_code:-1}}"
printf '%s' "$nemorun_code" | nemorun_print code
exit "$nemorun_code"
"""


def run_script(submission: Submission, environment: Mapping[str, str]) -> str:
    """What SkyPilot's `run` is for an attempt.

    Args:
        submission: The attempt.
        environment: Variables whose values hold paths of the job (`split_environment`).
    """
    attempt = submission.attempt
    pieces = [
        _PLACE.format(job=shlex.quote(job_place(submission)), attempt=attempt),
        _checkout(submission),
        *(f"export {name}={_word(value)}\n" for name, value in sorted(environment.items())),
        'export NEMORUN_JOB_DIR="$nemorun_job" NEMORUN_OUTPUT_DIR="$nemorun_job"/outputs\n',
    ]
    if _settings(submission).nodes > 1:
        pieces.append(_NODES.format(port=port_of(_key(submission))))
    pieces.append(_BEGIN.format(mark=mark_of(job_name(submission))))
    pieces.append(
        _RUN.format(
            root=shlex.quote(str(submission.root)),
            command=" ".join(_word(one) for one in worker_argv(submission)),
            attempt=attempt,
            limit=LARGEST_OUTPUTS_BYTES,
        )
    )
    return "".join(pieces)


def split_environment(submission: Submission) -> tuple[dict[str, str], dict[str, str]]:
    """The job's variables: those that SkyPilot sets, and those that hold paths and so are set on the node."""
    seen = Seen(
        job_dir=f"{ROOT}/{job_place(submission)}", runtime=f"{ROOT}/{submission.runtime.name}"
    )
    everything = job_environment(submission, {}, seen)
    everything |= launcher_environment(submission, _place_of(submission))
    paths = {name: value for name, value in everything.items() if ROOT in value or _FOLDER in value}
    plain = {name: value for name, value in everything.items() if name not in paths}
    return plain, paths


def _checkout(submission: Submission) -> str:
    if submission.package is None:
        return _NO_CODE + _CODE_OF_NODE
    place = package_place(submission.experiment_id, submission.package)
    return _CHECKOUT.format(package=shlex.quote(place)) + _CODE_OF_NODE


def package_place(experiment_id: str, package: str) -> str:
    """A package in the folder that SkyPilot syncs."""
    return f"{experiment_id}/code/{package[:_DIGITS]}"


def job_place(submission: Submission) -> str:
    """The job's folder in the folder that SkyPilot syncs."""
    return f"{submission.experiment_id}/jobs/{submission.paths.root.name}"


def worker_argv(submission: Submission) -> list[str]:
    """What starts the worker on a node, as worker/entry.py reads it; with words that the shell fills in."""
    executor, launcher = _settings(submission), launcher_of(submission.executor)
    runtime, attempt = f"{ROOT}/{submission.runtime.name}", str(submission.attempt)
    place = _place_of(submission)
    python = place.python
    argv = [python, runtime, _FOLDER, attempt]
    if executor.nodes > 1 and not starts_all_processes(launcher):
        argv += ["--ranks", "1"]
    rank = [python, runtime, "--rank", _FOLDER, attempt]
    started = launch_command(launcher, place, rank)
    return argv if started == rank else [*argv, "--", *started]


def _place_of(submission: Submission) -> Place:
    executor = _settings(submission)
    return Place(
        key=_key(submission),
        folder=_FOLDER,
        python=executor.python or PYTHON,
        nnodes=executor.nodes,
        nproc_per_node=executor.torchrun_nproc_per_node or executor.gpus_per_node or 1,
        node_rank=_NODE,
        head=_HEAD,
    )


def _key(submission: Submission) -> str:
    return f"{submission.experiment_id}/{submission.job.slug}/{submission.attempt}"


def _word(text: str) -> str:
    """One word for the shell, which fills in what stands for a variable."""
    pieces, position = [], 0
    for found in _STAND_IN.finditer(text):
        if found.start() > position:
            pieces.append(shlex.quote(text[position : found.start()]))
        pieces.append(f'"${_VARIABLES[found.group()]}"')
        position = found.end()
    if position < len(text) or not pieces:
        pieces.append(shlex.quote(text[position:]))
    return "".join(pieces)


def _settings(submission: Submission) -> SkypilotSettings:
    return cast("SkypilotSettings", submission.executor)
