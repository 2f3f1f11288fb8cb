"""Hand jobs over to a cluster. What a broken connection leaves open is not decided: it is asked again."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from nemorun_discover.errors import ConnectionLost, LoginNeeded, NemorunError
from nemorun_discover.model.state import Reason, State
from nemorun_discover.schedulers.protocol import Fact
from nemorun_discover.schedulers.slurm.handing_over import hand_over
from nemorun_discover.schedulers.slurm.order import Order
from nemorun_discover.transport.script import new_token

if TYPE_CHECKING:
    from collections.abc import Sequence
    from threading import Condition

    from nemorun_discover.schedulers.slurm.mood import Mood
    from nemorun_discover.schedulers.slurm.order import ClusterFacts, Outcome, Prepared
    from nemorun_discover.schedulers.slurm.plot import Bundle, Plot
    from nemorun_discover.schedulers.slurm.tracker import Tracked, Tracker
    from nemorun_discover.transport.tunnel import Tunnel


class Delivery:
    """Hands over what a link has taken; called by its thread alone.

    Args:
        tunnel: The way to the cluster.
        plot: Where it works.
        tracker: The jobs; changed only while `news` is held.
        mood: How it goes, likewise.
        news: The lock.
    """

    def __init__(
        self, tunnel: Tunnel, plot: Plot, tracker: Tracker, mood: Mood, news: Condition
    ) -> None:
        self._tunnel = tunnel
        self._plot = plot
        self._tracker = tracker
        self._mood = mood
        self._news = news
        self._uncertain: set[str] = set()
        self._bundle: Bundle | None = None

    def may_have_arrived(self, job_id: str) -> None:
        """An earlier process may have submitted this job: it is asked for until there is an answer."""
        self._uncertain.add(job_id)

    def is_uncertain(self, job_id: str) -> bool:
        """True for a job that the cluster may have, though nobody has heard of it."""
        return job_id in self._uncertain

    def hand_over(self, jobs: Sequence[Tracked]) -> list[Tracked]:
        """Submit jobs, in one conversation; those that are to be tried again, since nobody knows of them."""
        self._bundle = None
        order = Order(
            experiment_id=self._plot.experiment_id,
            base=self._plot.base,
            packages=self._plot.packages,
            runtime=self._plot.runtime,
            batch=self._plot.batch,
            digests=tuple(
                dict.fromkeys(
                    job.submission.package for job in jobs if job.submission.package is not None
                )
            ),
            prepare=lambda facts: self._prepare(jobs, facts),
        )
        open_before = [job for job in jobs if self.is_uncertain(job.submission.job.id)]
        try:
            outcomes = hand_over(self._tunnel, order, new_token(), self._tell)
            for outcome in outcomes:
                self._take_in(outcome)
        except (ConnectionLost, LoginNeeded) as error:
            return self._cut_off(jobs, error)
        except OSError as error:  # this machine's own: its disk is full, ...
            return self._cut_off(jobs, ConnectionLost(f"{self._tunnel.name}: {error}"))
        except NemorunError as error:
            return self._turned_away(jobs, open_before, error)
        return self._left_over(jobs)

    def _prepare(self, jobs: Sequence[Tracked], facts: ClusterFacts) -> Prepared:
        with self._news:
            known = {id_: job.native_id for id_, job in self._tracker.jobs.items() if job.native_id}
        bundle = self._plot.prepare(jobs, facts, known)
        self._bundle = bundle
        # From here on the cluster may have them, whatever is heard of it.
        self._uncertain.update(job.submission.job.id for job in jobs)
        return bundle.prepared

    def _tell(self, progress: str | None) -> None:
        with self._news:
            self._mood.progress = progress

    def _take_in(self, outcome: Outcome) -> None:
        bundle = self._bundle
        jobs = bundle.jobs.get(outcome.unit, ()) if bundle else ()
        with self._news:
            if outcome.facts is not None:
                self._plot.keep(outcome.facts)
                self._mood.is_well()
            elif outcome.word == "id" and bundle and jobs:
                self._plot.arrive(bundle.units[outcome.unit], jobs, outcome.text)
                for job in jobs:
                    self._uncertain.discard(job.submission.job.id)
                    job.fact = job.arrived()
                self._mood.news_since = time.time()
            elif outcome.word == "refused":
                for job in jobs:
                    job.fact = refusal_of(f"{self._tunnel.name}: sbatch refused it: {outcome.text}")
            else:
                self._mood.is_ill(f"{self._tunnel.name}: sbatch: {outcome.text}", time.time())

    def _left_over(self, jobs: Sequence[Tracked]) -> list[Tracked]:
        """What came after a script that was refused was not tried; after an unsure one, all is tried again."""
        left = [job for job in jobs if job.native_id is None and job.fact is None]
        if self._mood.trouble is not None:
            return left
        self._refuse(left, "not submitted: sbatch refused one before it")
        return []

    def _turned_away(
        self, jobs: Sequence[Tracked], open_before: Sequence[Tracked], error: NemorunError
    ) -> list[Tracked]:
        """Nothing was submitted now; what may have arrived before is asked for until that is known."""
        again = [job for job in open_before if job.native_id is None]
        if again:
            with self._news:
                self._mood.is_ill(sentence_of(error), time.time())
        self._refuse([job for job in jobs if job not in again], sentence_of(error))
        return again

    def _cut_off(self, jobs: Sequence[Tracked], error: NemorunError) -> list[Tracked]:
        """What may have arrived is tried again; the rest is given back, where the cluster was never heard."""
        left = [job for job in jobs if job.native_id is None]
        with self._news:
            if self._mood.was_heard and not isinstance(error, LoginNeeded):
                again = left
            else:
                again = [job for job in left if job.submission.job.id in self._uncertain]
            self._mood.needs_login = isinstance(error, LoginNeeded)
            self._mood.is_ill(sentence_of(error), time.time())
        self._refuse([job for job in left if job not in again], sentence_of(error))
        return again

    def _refuse(self, jobs: Sequence[Tracked], sentence: str) -> None:
        with self._news:
            self._mood.progress = None
            for job in jobs:
                if job.native_id is None and job.fact is None:
                    self._uncertain.discard(job.submission.job.id)
                    job.fact = refusal_of(sentence)


def refusal_of(sentence: str) -> Fact:
    """The fact that a job was not taken, and why."""
    return Fact(state=State.PLANNED, reason=Reason.REFUSED, message=sentence)


def sentence_of(error: NemorunError) -> str:
    """An error and its hint, as one sentence."""
    return f"{error.message}; {error.hint}" if error.hint else error.message
