"""Damaged files of jobs on clusters: every one of them harms its own job at most, and is named.

The campaigns are seeded: NEMORUN_DAMAGE_SEED repeats them, NEMORUN_DAMAGE_TRIES makes them longer.
"""

from __future__ import annotations

import io
import json
import os
import random
import re
import tarfile
import time
from dataclasses import replace

import pytest

from nemorun_discover.documents import JobOrders
from nemorun_discover.errors import DamagedFile
from nemorun_discover.files import write_json
from nemorun_discover.model.layout import ExperimentLayout
from nemorun_discover.model.state import Reason, State
from nemorun_discover.schedulers.slurm.arrival import found_again, write_down
from nemorun_discover.schedulers.slurm.looking import Answer, unpack_evidence
from nemorun_discover.schedulers.slurm.memory import recall, remember
from nemorun_discover.schedulers.slurm.order import ClusterFacts
from nemorun_discover.schedulers.slurm.planned import Planned
from nemorun_discover.schedulers.slurm.scheduler import SlurmScheduler
from nemorun_discover.schedulers.slurm.shared_look import SharedLook
from nemorun_discover.schedulers.slurm.tracker import Tracked, Tracker, known_evidence
from nemorun_discover.schedulers.slurm.units import attempt_key
from nemorun_discover.schedulers.slurm.verdict import LOOKS_UNTIL_LOST
from tests.damage import SEED, spoil
from tests.schedulers.slurm.place import EXPERIMENT, submission, unit

TRIES = int(os.environ.get("NEMORUN_DAMAGE_TRIES", "600")) // 2
NAMES = ("train[n=0]", "train[n=1]", "train[n=2]")
ID = re.compile(r"[0-9]+([_+][0-9]+)?")
BEGUN = {"native_id": "7_%d", "host": "a1", "started_at": "2026-11-22T07:12:03Z", "attempt": 1}
ENDED = {
    "schema": "nemorun.exit/1", "exit_code": 0, "signal": None, "reason": None, "host": "a1",
    "started_at": "2026-11-22T07:12:03Z", "ended_at": "2026-11-22T07:13:03Z", "attempt": 1,
}  # fmt: skip


class Array:
    """Three tasks of an array, whose evidence lies here; `cluster` is what the cluster has of it."""

    def __init__(self, root):
        self.experiments = root / "experiments"
        self.layout = ExperimentLayout(self.experiments / EXPERIMENT)
        self.folder = self.layout.root / "slurm"
        self.submissions = [
            replace(one, paths=self.layout.job(one.job.slug)) for one in map(submission, NAMES)
        ]
        self.unit = unit(*self.submissions)
        self.tracker = Tracker(folder=self.folder)
        self.cluster = {}
        for number, one in enumerate(self.submissions):
            one.paths.root.mkdir(parents=True)
            slug = one.job.slug
            begun = BEGUN | {"native_id": f"7_{number}"}
            for kind, document in (("begun", begun), ("ending", ENDED), ("ended", ENDED)):
                self.cluster[f"{kind}/{slug}.1"] = json.dumps(document).encode()
            self.tracker.jobs[one.job.id] = Tracked(
                submission=one, attempt=1, native_id=f"7_{number}", key=self.unit.key
            )

    def bring(self):
        """As a look does: whatever is not here."""
        known = known_evidence(self.folder)
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            for name, content in self.cluster.items():
                if name not in known:
                    info = tarfile.TarInfo(f"{EXPERIMENT}/slurm/{name}")
                    info.size = len(content)
                    tar.addfile(info, io.BytesIO(content))
        unpack_evidence(buffer.getvalue(), self.experiments, {EXPERIMENT})

    def look(self, queue):
        self.tracker.take(Answer(queue=queue, has_accounting=False), time.time())
        self.tracker.publish()
        self.bring()

    def rows(self, state):
        return "".join(
            f"7_{number}|{state}|N/A|N/A|a1|nemorun={self.unit.key}|None\n" for number in range(3)
        )


def test_no_damage_of_evidence_harms_more_than_its_own_job_or_stays_unnamed(tmp_path):
    dice = random.Random(SEED)
    outcomes = {}
    for number in range(TRIES):
        array = Array(tmp_path / str(number))
        array.bring()
        name = dice.choice(["begun", "ending", "ended"]) + "/train-n=1@slurm_a.1"
        # ending counts only where there is no end.
        if name.startswith("ending"):
            del array.cluster["ended/train-n=1@slurm_a.1"]
            (array.folder / "ended" / "train-n=1@slurm_a.1").unlink()
        what = spoil(array.folder / name, dice)
        is_there_too = dice.random() < 0.5
        if is_there_too and (array.folder / name).is_file():
            size = (array.folder / name).stat().st_size
            array.cluster[name] = b"" if size > 1 << 20 else (array.folder / name).read_bytes()
        queue = dice.choice([array.rows("COMPLETED"), ""])
        story = f"try {number} of seed {SEED}: {name}: {what}, there too: {is_there_too}, {queue!r}"

        for _ in range(LOOKS_UNTIL_LOST + 3):
            array.look(queue)

        first, spoilt, third = (job.fact for job in array.tracker.jobs.values())
        assert (first.state, third.state) == (State.SUCCEEDED, State.SUCCEEDED), story
        assert spoilt is not None, story
        assert spoilt.state.is_final, (story, spoilt)
        if spoilt.reason == Reason.DAMAGED:
            assert str(array.folder / name.replace("/", "/.")) in spoilt.message, (story, spoilt)
        assert spoilt.reason != Reason.LOST, (story, spoilt)
        key = spoilt.reason or spoilt.state
        outcomes[key] = outcomes.get(key, 0) + 1
    assert outcomes["SUCCEEDED"] > TRIES // 3, outcomes
    assert outcomes["DAMAGED"] > TRIES // 50, outcomes


def test_no_damage_of_evidence_ends_a_job_that_runs(tmp_path):
    """The cluster has a whole one of what is damaged here."""
    dice = random.Random(SEED + 1)
    for number in range(TRIES // 3):
        array = Array(tmp_path / str(number))
        array.cluster = {name: it for name, it in array.cluster.items() if name[:5] == "begun"}
        array.bring()
        path = array.folder / "begun" / "train-n=1@slurm_a.1"
        what = spoil(path, dice)

        for _ in range(LOOKS_UNTIL_LOST + 3):
            array.look(array.rows("RUNNING"))

        states = [job.fact.state for job in array.tracker.jobs.values()]
        told = [job.native_id for job in array.tracker.jobs.values()]
        if told == ["7_0", "7_1", "7_2"]:  # another number may be told by a flip of one bit
            assert states == [State.RUNNING] * 3, (number, what)
        else:
            assert (states[0], states[2]) == (State.RUNNING, State.RUNNING), (number, what)
            assert ID.fullmatch(told[1]), (number, what, told)


def test_evidence_that_comes_after_damage_overrules_it(tmp_path):
    array = Array(tmp_path)
    name, ended = "begun/train-n=1@slurm_a.1", "ended/train-n=1@slurm_a.1"
    whole = array.cluster.pop(ended)
    array.cluster.pop(ended.replace("ended", "ending"))
    array.cluster[name] = b"5"
    array.bring()
    for _ in range(LOOKS_UNTIL_LOST + 2):
        array.look("")
    job = array.tracker.jobs["train[n=1]@slurm_a"]
    assert (job.fact.state, job.fact.reason) == (State.FAILED, Reason.DAMAGED)
    assert job.native_id in array.tracker.ids_in_question()

    array.cluster[ended] = whole
    array.look("")
    array.look("")

    assert job.fact.state is State.SUCCEEDED


def test_evidence_that_cannot_be_read_now_proves_nothing(tmp_path):
    array = Array(tmp_path)
    array.bring()
    path = array.folder / "ended" / "train-n=1@slurm_a.1"
    whole = path.read_bytes()
    path.unlink()
    path.symlink_to("/proc/self/mem")  # a file whose first byte says EIO, to root too
    for _ in range(LOOKS_UNTIL_LOST + 3):
        array.look("")
    job = array.tracker.jobs["train[n=1]@slurm_a"]
    assert job.fact is None

    path.unlink()
    path.write_bytes(whole)
    array.look("")

    assert job.fact.state is State.SUCCEEDED


def test_no_damage_of_what_was_written_down_of_a_job_gives_it_another_id_or_breaks(tmp_path):
    dice = random.Random(SEED + 2)
    outcomes = {"kept": 0, "from the unit": 0, "none": 0}
    for number in range(TRIES):
        array = Array(tmp_path / str(number))
        planned = Planned(array.folder / "units")
        jobs = list(array.tracker.jobs.values())
        planned.write(
            array.unit, {attempt_key(job.submission): job.native_id or "" for job in jobs}
        )
        for job in jobs:
            write_down(job)
        spoilt = array.submissions[1]
        arrival = spoilt.paths.attempt(1).arrival
        listed = array.folder / "units" / f"{array.unit.name}.json"
        files = dice.choice([[arrival], [listed], [arrival, listed]])
        story = (number, [(path.name, spoil(path, dice)) for path in files])

        again = [found_again(one, Planned(array.folder / "units")) for one in array.submissions]

        assert (again[0].native_id, again[2].native_id) == ("7_0", "7_2"), story
        assert set(Planned(array.folder / "units").names().values()) <= {array.unit.name}, story
        assert again[1] is None or ID.fullmatch(again[1].native_id), story
        if again[1] is None:
            assert files == [arrival, listed], story
            outcomes["none"] += 1
        else:
            outcomes["kept" if arrival not in files else "from the unit"] += 1
    assert all(count > TRIES // 20 for count in outcomes.values()), outcomes


def test_a_damaged_cache_is_dropped_and_made_again(tmp_path):
    dice = random.Random(SEED + 3)
    facts = ClusterFacts(base="/home/me/runs", user="me", host="login", max_array=1001)
    answer = Answer(queue="7|RUNNING\n", accounts="", cancelled=frozenset({"9"}), trouble=None)
    for number in range(TRIES):
        folder = tmp_path / str(number)
        shared = SharedLook(folder)
        remember(folder, facts)
        now = time.time()
        shared.write(answer, as_of=now, has_news=True)
        shared.want("one", ("7",))
        path = dice.choice([folder / "look.json", folder / "facts.json", folder / "wanted" / "one"])
        story = f"try {number} of seed {SEED}: {path.name}: {spoil(path, dice)}"

        look = shared.read()
        recall(folder)
        ids = shared.wanted().get("one", ())

        assert look is None or look.changed_at <= look.as_of <= time.time() + 61, story
        assert all(isinstance(one, str) for one in ids), story
        shared.write(answer, as_of=now, has_news=True)
        remember(folder, facts)
        assert shared.read().answer == answer, story
        assert recall(folder) == facts, story


def test_a_look_of_the_future_keeps_nobody_from_asking(tmp_path):
    shared = SharedLook(tmp_path)
    shared.write(Answer(queue=""), as_of=time.time() + 10**9, has_news=True)

    assert shared.read() is None


def test_facts_of_a_cluster_without_an_answer_on_arrays_are_kept(tmp_path):
    facts = ClusterFacts(base="/b", user="me", host="login", max_array=None)
    remember(tmp_path, facts)

    assert recall(tmp_path) == facts


def test_a_damaged_job_json_refuses_that_job_alone(tmp_path):
    """Jobs are bundled after they were taken: then one damaged file would be all jobs' of the bundle."""
    array = Array(tmp_path)
    told = {name: [] for name in JobOrders.__struct_fields__ if name == "sys_path"}
    for one in array.submissions:
        write_json(one.paths.job, told | {"root": "code"})
    array.submissions[1].paths.job.write_bytes(b"5")

    with pytest.raises(DamagedFile, match=r"job\.json is damaged"):
        SlurmScheduler({}).submit(array.submissions[1])
