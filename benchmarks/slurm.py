"""What it costs to submit to a Slurm cluster over SSH, and to ask two of them where a thousand jobs stand.

The clusters are those of the tests (`tests/services/slurm`), started here where they do not run; as root.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from peers import peer_bin
from rows import Against, Row
from timing import BenchmarkError, Command, Setting, medians, nemorun_argv, output_of, seconds_of

_ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(_ROOT))

from tests.services.delay import DelayProxy  # noqa: E402 - the tests' own services
from tests.services.slurm import clusters as service  # noqa: E402
from tests.services.slurm.install import install  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.services.slurm.cluster import Cluster
    from tests.services.slurm.clusters import Clusters

_PEER = Path(__file__).with_name("peer_nemo_run_slurm.py")
_MANY = 50
_JOBS = 1000
_FILES = 2000
_ROUND_TRIP_S = 0.05
_MOST_ROUND_TRIPS = 8

_TASKS = "import nemorun\n\n\n@nemorun.task\ndef noop(index: int = 0) -> None:\n    pass\n"
_CONFIG = """\
[project]
paths = ["tasks"]
"""
_PROFILE = """
[profiles.{name}]
kind = "slurm"
partition = "batch"
additional_parameters = {{ hold = true }}
tunnel = {{ kind = "ssh", host = "{host}", port = {port}, user = "{user}", identity = "{key}", host_keys = "accept-new" }}
"""


def measure(setting: Setting) -> list[Row]:
    """Submit one job and fifty, near and far, and look at a thousand; all jobs are held, and cancelled after."""
    install()
    is_ours = not service.is_running(service.default_base())
    running = service.start()
    rows: list[Row] = []
    try:
        with DelayProxy(running.a.port, delay_s=_ROUND_TRIP_S / 2) as far:
            bench = _Bench(setting, running, far.port)
            for part in (bench.far_away, bench.looking, bench.submitting):
                try:
                    rows += part()
                finally:
                    bench.end_all()  # what watches the jobs of one part would disturb the next
        return rows
    finally:
        if is_ours:
            service.stop()


class _Bench:
    def __init__(self, setting: Setting, running: Clusters, far_port: int) -> None:
        self._setting = setting
        self._far_port = far_port
        self._running = running
        self._root = setting.workdir / "project"
        self._home = setting.workdir / "home"
        running.give_ssh(self._home)
        _make_project(self._root, running)
        # nemo_run keeps a session open for each job, more than the ten that sshd allows by itself.
        self._peer_port = running.a.faults.open_sshd("MaxSessions 500")

    def submitting(self) -> list[Row]:
        """The whole command, until every job has its id."""
        cluster = self._running.a
        commands = {
            "one": self._ours("a", "index=0"),
            "many": self._ours("a", _sweep(_MANY)),
            "first": self._ours("a", _sweep(_MANY)),
            "raw": self._raw(cluster, _MANY),
        }
        before = dict.fromkeys(commands, self._calm()) | {"first": self._forget(cluster)}
        took = medians(
            {name: replace(one, before=before[name]) for name, one in commands.items()},
            self._setting.repeat,
        )
        # It deletes what it has packaged, see _forget; so not in turn with the others.
        took |= medians({"peer one": self._peer(cluster, 1)}, self._setting.repeat)
        took["peer many"] = seconds_of(self._peer(cluster, _MANY))  # minutes, so once
        peer = "nemo_run"
        raw = f"tar and `ssh 'sbatch --array=0-{_MANY - 1}'`"
        return [
            _row("submit 1 job over SSH", took["one"], peer, took["peer one"], 0.5),
            _row(f"submit {_MANY} jobs over SSH", took["many"], peer, took["peer many"], 0.1),
            _row(f"submit {_MANY} jobs, code known there", took["many"], raw, took["raw"], 1.5),
            _row(f"submit {_MANY} jobs, nothing known there", took["first"], raw, took["raw"], 1.5),
        ]

    def far_away(self) -> list[Row]:
        """With 50 ms of round trip, in round trips more than a bare `ssh true` over the same way."""
        cluster = self._running.a
        _add_profile(self._root, "far", cluster, self._far_port)
        took = medians(
            {
                "near": self._ours("a", _sweep(_MANY)),
                "far": self._ours("far", _sweep(_MANY)),
                "true near": self._ssh(cluster, "true"),
                "true far": self._ssh(cluster, "true", port=self._far_port),
            },
            self._setting.repeat,
        )
        ours = took["far"] - took["near"]
        bare = took["true far"] - took["true near"]
        return [
            Row(
                name=f"submit {_MANY} jobs with 50 ms of round trip, what the way costs",
                ours_s=ours,
                peer="`ssh true`, likewise",
                peer_s=bare,
                against=Against.PEER_PLUS,
                at_most=_MOST_ROUND_TRIPS * _ROUND_TRIP_S,
            )
        ]

    def looking(self) -> list[Row]:
        """A fresh status of a thousand jobs on two clusters, while their driver lives."""
        output_of(self._ours("a", "-e", "b", _sweep(_JOBS // 2)))
        both = [
            self._ssh_words(cluster, f"squeue --user={cluster.user.name} --array; sacct || true")
            for cluster in self._running.both
        ]
        script = " & ".join(shlex.join(words) + " >/dev/null 2>&1" for words in both) + " & wait"
        took = medians(
            {
                "status": self._command(nemorun_argv("status", "--json")),
                "raw": self._command(("bash", "-c", script)),
            },
            self._setting.repeat,
        )
        raw = "`ssh 'squeue; sacct'` on both at once"
        return [
            _row(f"`status` of {_JOBS:,} jobs on 2 clusters", took["status"], raw, took["raw"], 1.3)
        ]

    def end_all(self) -> None:
        """Cancel all jobs, ours and the peer's; our drivers have ended when this returns."""
        for experiment in (self._home / ".run" / "experiments").glob("*-*"):
            with suppress(BenchmarkError):  # cancelled jobs are no success
                output_of(self._command(nemorun_argv("cancel", experiment.name)))
                output_of(self._command(nemorun_argv("wait", experiment.name, "--timeout", "60")))
        for cluster in self._running.both:
            _on(cluster, f"scancel --user={cluster.user.name}")

    def _ours(self, profile: str, *words: str) -> Command:
        return self._command(nemorun_argv("run", "-q", "-d", "-k", "noop", "-e", profile, *words))

    def _peer(self, cluster: Cluster, count: int) -> Command:
        python = str(peer_bin("nemo_run", self._setting.peers) / "python")
        place = (cluster.host, str(self._peer_port), cluster.user.name, str(cluster.key))
        words = (python, str(_PEER), *place, "/home/nemo_run", str(count))
        # Its rsync calls ssh, which looks for known hosts in the user's real home.
        path = f"{self._ssh_that_trusts()}:{os.environ['PATH']}"
        command = self._command(("env", f"PATH={Path(python).parent}:{path}", *words))
        _on(cluster, f"mkdir -p /home/nemo_run; chown {cluster.user.name} /home/nemo_run")
        submitted = output_of(command).splitlines()[-1]
        if submitted != f"{count} submitted":
            raise BenchmarkError(f"nemo_run: {count} jobs should have been submitted: {submitted}")
        return command

    def _ssh_that_trusts(self) -> Path:
        folder = self._setting.workdir / "bin"
        folder.mkdir(exist_ok=True)
        options = "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"
        (folder / "ssh").write_text(f'#!/bin/sh\nexec /usr/bin/ssh {options} "$@"\n')
        (folder / "ssh").chmod(0o755)
        return folder

    def _raw(self, cluster: Cluster, count: int) -> Command:
        over_there = (
            "cd $(mktemp -d ~/raw.XXXXXX) && tar xf - && printf '#!/bin/sh\\ntrue\\n' | "
            f"sbatch --parsable --hold --array=0-{count - 1}"
        )
        ssh = shlex.join(self._ssh_words(cluster, over_there))
        return self._command(("bash", "-c", f"git ls-files -z | tar cf - --null -T - | {ssh}"))

    def _ssh(self, cluster: Cluster, command: str, port: int | None = None) -> Command:
        return self._command(self._ssh_words(cluster, command, port))

    def _ssh_words(
        self, cluster: Cluster, command: str, port: int | None = None
    ) -> tuple[str, ...]:
        options = ("-F", str(self._home / ".ssh" / "config"), "-p", str(port or cluster.port))
        trust = ("-o", "StrictHostKeyChecking=no", "-o", "LogLevel=ERROR") if port else ()
        return ("ssh", *options, *trust, cluster.name, command)

    def _calm(self) -> tuple[str, ...]:
        """What ends the experiment that ran last: drivers that still watch theirs would slow all that comes after."""
        end = (shlex.join(nemorun_argv(*words)) for words in (("cancel",), ("wait",)))
        return ("bash", "-c", "; ".join(f"{one} >/dev/null 2>&1" for one in end) + "; true")

    def _forget(self, cluster: Cluster) -> tuple[str, ...]:
        """What makes the cluster and this machine forget the code, before each run.

        It is put aside, not deleted: for a minute after a deletion ext4 looks at the inodes that it freed before it takes
        one (`recently_deleted` in fs/ext4/ialloc.c), which nobody pays who has never sent the code.
        """
        calm = self._calm()[-1]
        aside = "mkdir -p aside && { [ ! -e packages ] || mv packages aside/$(date +%s.%N); }"
        there = shlex.join(self._ssh_words(cluster, f"cd ~/.run && {aside}"))
        here = shlex.quote(str(self._home / ".run"))
        return ("bash", "-c", f"{calm}; cd {here} && {aside} && {there} && sync")

    def _command(self, argv: Sequence[str]) -> Command:
        return Command(argv=tuple(argv), cwd=self._root, home=self._home)


def _row(name: str, ours: float, peer: str, peers: float, at_most: float) -> Row:
    return Row(
        name=name, ours_s=ours, peer=peer, peer_s=peers, against=Against.PEER, at_most=at_most
    )


def _sweep(count: int) -> str:
    return "index=" + ",".join(map(str, range(count)))


def _make_project(root: Path, running: Clusters) -> None:
    """A repository of 2,000 files, 8 MB."""
    (root / "tasks").mkdir(parents=True)
    (root / "tasks" / "noop.py").write_text(_TASKS)
    (root / "nemorun.toml").write_text(_CONFIG)
    for number in range(_FILES - 2):
        folder = root / "src" / f"package_{number // 50}"
        folder.mkdir(parents=True, exist_ok=True)
        lines = (f"value_{number}_{line} = {number * line}" for line in range(150))
        (folder / f"module_{number}.py").write_text("\n".join(lines))
    for name, cluster in zip("ab", running.both, strict=True):
        _add_profile(root, name, cluster, cluster.port)
    identity = ("-c", "user.name=bench", "-c", "user.email=bench@localhost")
    for words in (("init", "-q"), ("add", "-A"), (*identity, "commit", "-q", "-m", "all of it")):
        subprocess.run(["git", *words], cwd=root, check=True)


def _add_profile(root: Path, name: str, cluster: Cluster, port: int) -> None:
    text = _PROFILE.format(
        name=name, host=cluster.host, port=port, user=cluster.user.name, key=cluster.key
    )
    with (root / "nemorun.toml").open("a") as file:
        file.write(text)


def _on(cluster: Cluster, command: str) -> None:
    cluster.site.login.run(
        ["sh", "-c", command], environment={"SLURM_CONF": str(cluster.site.slurm_conf)}
    )
