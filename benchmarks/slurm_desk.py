"""A project and a home on two Slurm clusters, and the command lines that are measured there: ours and the peers'."""

from __future__ import annotations

import os
import shlex
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from peers import peer_bin
from timing import BenchmarkError, Command, Setting, nemorun_argv, output_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.services.slurm.cluster import Cluster
    from tests.services.slurm.clusters import Clusters

_PEER = Path(__file__).with_name("peer_nemo_run_slurm.py")
_FILES = 2000

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


class Desk:
    """Where commands run: a repository of 2,000 files, whose profiles are the clusters' letters.

    Args:
        setting: Of the benchmark.
        running: The clusters.
    """

    def __init__(self, setting: Setting, running: Clusters) -> None:
        self._setting = setting
        self._root = setting.workdir / "project"
        self._home = setting.workdir / "home"
        self._running = running
        running.give_ssh(self._home)
        _make_project(self._root, running)
        # nemo_run keeps a session open for each job, more than the ten that sshd allows by itself.
        self._peer_port = running.a.faults.open_sshd("MaxSessions 500")

    def add_profile(self, name: str, cluster: Cluster, port: int) -> None:
        """A profile of another way to a cluster."""
        _add_profile(self._root, name, cluster, port)

    def end_all(self) -> None:
        """Cancel all jobs, ours and the peer's; our drivers have ended when this returns."""
        for experiment in (self._home / ".run" / "experiments").glob("*-*"):
            with suppress(BenchmarkError):  # cancelled jobs are no success
                output_of(self.command(nemorun_argv("cancel", experiment.name)))
                output_of(self.command(nemorun_argv("wait", experiment.name, "--timeout", "60")))
        for cluster in self._running.both:
            _on(cluster, f"scancel --user={cluster.user.name}")

    def ours(self, profile: str, *words: str) -> Command:
        """The tasks on a cluster, until every job has its id."""
        return self.command(nemorun_argv("run", "-q", "-d", "-k", "noop", "-e", profile, *words))

    def peer(self, cluster: Cluster, count: int) -> Command:
        """nemo_run's way to submit as many jobs; it has done so once when this returns."""
        python = str(peer_bin("nemo_run", self._setting.peers) / "python")
        place = (cluster.host, str(self._peer_port), cluster.user.name, str(cluster.key))
        words = (python, str(_PEER), *place, "/home/nemo_run", str(count))
        # Its rsync calls ssh, which looks for known hosts in the user's real home.
        path = f"{self._ssh_that_trusts()}:{os.environ['PATH']}"
        command = self.command(("env", f"PATH={Path(python).parent}:{path}", *words))
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

    def raw(self, cluster: Cluster, count: int) -> Command:
        """What a person types who has the code in git."""
        over_there = (
            "cd $(mktemp -d ~/raw.XXXXXX) && tar xf - && printf '#!/bin/sh\\ntrue\\n' | "
            f"sbatch --parsable --hold --array=0-{count - 1}"
        )
        ssh = shlex.join(self.ssh_words(cluster, over_there))
        return self.command(("bash", "-c", f"git ls-files -z | tar cf - --null -T - | {ssh}"))

    def ssh(self, cluster: Cluster, command: str, port: int | None = None) -> Command:
        """A command over there."""
        return self.command(self.ssh_words(cluster, command, port))

    def ssh_words(self, cluster: Cluster, command: str, port: int | None = None) -> tuple[str, ...]:
        """The same, as words."""
        options = ("-F", str(self._home / ".ssh" / "config"), "-p", str(port or cluster.port))
        trust = ("-o", "StrictHostKeyChecking=no", "-o", "LogLevel=ERROR") if port else ()
        return ("ssh", *options, *trust, cluster.name, command)

    def calm(self) -> tuple[str, ...]:
        """What ends the experiment that ran last: drivers that still watch theirs would slow all that comes after."""
        end = (shlex.join(nemorun_argv(*words)) for words in (("cancel",), ("wait",)))
        return ("bash", "-c", "; ".join(f"{one} >/dev/null 2>&1" for one in end) + "; true")

    def forget(self, cluster: Cluster) -> tuple[str, ...]:
        """What makes the cluster and this machine forget the code, before each run.

        It is put aside, not deleted: for a minute after a deletion ext4 looks at the inodes that it freed before it takes
        one (`recently_deleted` in fs/ext4/ialloc.c), which nobody pays who has never sent the code.
        """
        calm = self.calm()[-1]
        aside = "mkdir -p aside && { [ ! -e packages ] || mv packages aside/$(date +%s.%N); }"
        there = shlex.join(self.ssh_words(cluster, f"cd ~/.run && {aside}"))
        here = shlex.quote(str(self._home / ".run"))
        return ("bash", "-c", f"{calm}; cd {here} && {aside} && {there} && sync")

    def command(self, argv: Sequence[str]) -> Command:
        """A command in the project, with its home."""
        return Command(argv=tuple(argv), cwd=self._root, home=self._home)


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
