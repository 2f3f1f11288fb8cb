"""What it costs to submit to a Slurm cluster over SSH, and to ask two of them where a thousand jobs stand.

The clusters are those of the tests (`tests/services/slurm`), started here where they do not run; as root.
"""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rows import Against, Row
from slurm_desk import Desk
from timing import Setting, medians, nemorun_argv, output_of, seconds_of

_ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(_ROOT))

from tests.services.delay import DelayProxy  # noqa: E402 - the tests' own services
from tests.services.slurm import clusters as service  # noqa: E402
from tests.services.slurm.install import install  # noqa: E402

if TYPE_CHECKING:
    from tests.services.slurm.clusters import Clusters

_MANY = 50
_JOBS = 1000
_ROUND_TRIP_S = 0.05
_MOST_ROUND_TRIPS = 8


def measure(setting: Setting) -> list[Row]:
    """Submit one job and fifty, near and far, and look at a thousand; all jobs are held, and cancelled after."""
    install()
    is_ours = not service.is_running(service.default_base())
    running = service.start()
    rows: list[Row] = []
    try:
        with DelayProxy(running.a.port, delay_s=_ROUND_TRIP_S / 2) as far:
            desk = Desk(setting, running)
            bench = _Bench(desk, running, far.port, setting.repeat)
            for part in (bench.far_away, bench.looking, bench.submitting):
                try:
                    rows += part()
                finally:
                    desk.end_all()  # what watches the jobs of one part would disturb the next
        return rows
    finally:
        if is_ours:
            service.stop()


class _Bench:
    def __init__(self, desk: Desk, running: Clusters, far_port: int, repeat: int) -> None:
        self._desk = desk
        self._running = running
        self._far_port = far_port
        self._repeat = repeat

    def submitting(self) -> list[Row]:
        """The whole command, until every job has its id."""
        cluster = self._running.a
        commands = {
            "one": self._desk.ours("a", "index=0"),
            "many": self._desk.ours("a", _sweep(_MANY)),
            "first": self._desk.ours("a", _sweep(_MANY)),
            "raw": self._desk.raw(cluster, _MANY),
        }
        before = dict.fromkeys(commands, self._desk.calm()) | {"first": self._desk.forget(cluster)}
        took = medians(
            {name: replace(one, before=before[name]) for name, one in commands.items()},
            self._repeat,
        )
        # It deletes what it has packaged, see Desk.forget; so not in turn with the others.
        took |= medians({"peer one": self._desk.peer(cluster, 1)}, self._repeat)
        took["peer many"] = seconds_of(self._desk.peer(cluster, _MANY))  # minutes, so once
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
        self._desk.add_profile("far", cluster, self._far_port)
        took = medians(
            {
                "near": self._desk.ours("a", _sweep(_MANY)),
                "far": self._desk.ours("far", _sweep(_MANY)),
                "true near": self._desk.ssh(cluster, "true"),
                "true far": self._desk.ssh(cluster, "true", port=self._far_port),
            },
            self._repeat,
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
        output_of(self._desk.ours("a", "-e", "b", _sweep(_JOBS // 2)))
        both = [
            self._desk.ssh_words(
                cluster, f"squeue --user={cluster.user.name} --array; sacct || true"
            )
            for cluster in self._running.both
        ]
        script = " & ".join(shlex.join(words) + " >/dev/null 2>&1" for words in both) + " & wait"
        took = medians(
            {
                "status": self._desk.command(nemorun_argv("status", "--json")),
                "raw": self._desk.command(("bash", "-c", script)),
            },
            self._repeat,
        )
        raw = "`ssh 'squeue; sacct'` on both at once"
        return [
            _row(f"`status` of {_JOBS:,} jobs on 2 clusters", took["status"], raw, took["raw"], 1.3)
        ]


def _row(name: str, ours: float, peer: str, peers: float, at_most: float) -> Row:
    return Row(
        name=name, ours_s=ours, peer=peer, peer_s=peers, against=Against.PEER, at_most=at_most
    )


def _sweep(count: int) -> str:
    return "index=" + ",".join(map(str, range(count)))
