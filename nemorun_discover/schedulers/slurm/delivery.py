"""Hand jobs over to a cluster. What a broken connection leaves open is not decided: it is asked again."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from nemorun_discover.errors import ConnectionLost, ExecutorRefused, LoginNeeded, NemorunError
from nemorun_discover.model.state import Reason, State
from nemorun_discover.schedulers.protocol import Fact
from nemorun_discover.schedulers.slurm.handing_over import hand_over
from nemorun_discover.schedulers.slurm.order import Order, Outcome
from nemorun_discover.schedulers.slurm.words import hint_at_refusal, meaning_of_silence
from nemorun_discover.transport.script import new_token

if TYPE_CHECKING:
    from collections.abc import Sequence
    from threading import Condition

    from nemorun_discover.schedulers.slurm.mood import Mood
    from nemorun_discover.schedulers.slurm.order import ClusterFacts, Prepared
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
        self._uncertain: set[tuple[str, int]] = set()
        self._bundle: Bundle | None = None
        self._silence: Outcome | None = None  # instead of an answer, in the last conversation

    def may_have_arrived(self, job: Tracked) -> None:
        """An earlier process may have submitted this attempt: it is asked for until there is an answer."""
        self._uncertain.add(_attempt_of(job))

    def is_uncertain(self, job: Tracked) -> bool:
        """True for an attempt that the cluster may have, though nobody has heard of it."""
        return _attempt_of(job) in self._uncertain

    def hand_over(self, jobs: Sequence[Tracked]) -> list[Tracked]:
        """Submit jobs, in one conversation; those that are to be tried again, since nobody knows of them."""
        jobs = self._without_vain(jobs)
        if not jobs:
            return []
        self._bundle = None
        self._silence = None
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
            linked=tuple(
                dict.fromkeys(job.submission.linked for job in jobs if job.submission.linked)
            ),
            prepare=lambda facts: self._prepare(jobs, facts),
        )
        open_before = [job for job in jobs if self.is_uncertain(job)]
        try:
            for outcome in hand_over(self._tunnel, order, new_token(), self._tell):
                self._take_in(outcome)
        except (ConnectionLost, LoginNeeded) as error:
            return self._cut_off(jobs, error)
        except OSError as error:  # this machine's own: its disk is full, ...
            return self._cut_off(jobs, ConnectionLost(f"{self._tunnel.name}: {error}"))
        except NemorunError as error:
            return self._turned_away(jobs, open_before, error)
        return self._left_over(jobs, open_before)

    def _without_vain(self, jobs: Sequence[Tracked]) -> list[Tracked]:
        """The jobs whose turn can come: an earlier conversation may have ended what others here wait for."""
        left = []
        with self._news:
            for job in jobs:
                upstream = map(self._tracker.jobs.get, job.submission.waits_for)
                vain = [one for one in upstream if one and one.is_over and one.native_id is None]
                if vain:
                    name = vain[0].submission.job.id
                    self._end(
                        [job],
                        refusal_of(f"not submitted: {name}, which it waits for, was not taken"),
                    )
                else:
                    left.append(job)
        return left

    def _prepare(self, jobs: Sequence[Tracked], facts: ClusterFacts) -> Prepared:
        with self._news:
            known = {id_: job.native_id for id_, job in self._tracker.jobs.items() if job.native_id}
        bundle = self._plot.prepare(jobs, facts, known)
        self._bundle = bundle
        # From here on the cluster may have them, whatever is heard of it.
        self._uncertain.update(map(_attempt_of, jobs))
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
                self._mood.was_heard = True
            elif outcome.word == "id" and bundle and jobs:
                self._plot.arrive(bundle.units[outcome.unit], jobs, outcome.text)
                for job in jobs:
                    self._uncertain.discard(_attempt_of(job))
                    job.fact = job.arrived()
                self._mood.news_since = time.time()
                self._mood.has_taken = True
            elif outcome.word == "refused":
                self._end(
                    jobs, refusal_of(f"{self._tunnel.name}: {_sentence_at_refusal(outcome.text)}")
                )
            elif outcome.word == "absent":
                self._end(jobs, Fact(state=State.CANCELLED))
            else:
                self._silence = outcome

    def _end(self, jobs: Sequence[Tracked], fact: Fact) -> None:
        for job in jobs:
            self._uncertain.discard(_attempt_of(job))
            job.fact = fact

    def _left_over(self, jobs: Sequence[Tracked], open_before: Sequence[Tracked]) -> list[Tracked]:
        """What came after a script of which Slurm said nothing is tried again, with it: silence is no refusal."""
        left = [job for job in jobs if job.native_id is None and job.fact is None]
        with self._news:
            if not left:
                self._mood.can_submit()
                return []
            silence = self._silence or Outcome(word="unsure", text="it told nothing of some jobs")
            asked = self._bundle.jobs.get(silence.unit, ()) if self._bundle else ()
            may_be_there = [*open_before, *(asked if silence.word == "unsure" else ())]
            # The queue was looked through before sbatch was called: what was not given to it is not there.
            self._uncertain.difference_update(
                _attempt_of(job) for job in left if job not in may_be_there
            )
            sentence = f"{self._tunnel.name}: {_sentence_at_silence(silence.text)}"
            self._mood.cannot_submit(sentence, time.time())
        return left

    def _turned_away(
        self, jobs: Sequence[Tracked], open_before: Sequence[Tracked], error: NemorunError
    ) -> list[Tracked]:
        """Nothing was submitted now. What may have arrived before is asked for until that is known.

        So is everything else that a cluster which has taken jobs of this experiment cannot take now (its disk is full,
        its key has changed): the jobs are not what it complains of.
        """
        with self._news:
            is_passing = self._mood.has_taken and isinstance(error, ExecutorRefused)
            again = [job for job in jobs if job.native_id is None] if is_passing else []
            again = again or [job for job in open_before if job.native_id is None]
            # What was handed over in this conversation was not given to sbatch.
            self._uncertain.difference_update(
                _attempt_of(job) for job in jobs if job not in open_before
            )
            if again:
                self._mood.cannot_submit(_asked_again(sentence_of(error)), time.time())
        self._refuse([job for job in jobs if job not in again], sentence_of(error))
        return again

    def _cut_off(self, jobs: Sequence[Tracked], error: NemorunError) -> list[Tracked]:
        """Everything is tried again; where only a person can help, and the cluster was never heard, it is given back."""
        left = [job for job in jobs if job.native_id is None and job.fact is None]
        is_stuck = isinstance(error, LoginNeeded)
        with self._news:
            is_known = self._mood.was_heard or self._mood.has_taken
            again = [job for job in left if not is_stuck or is_known or self.is_uncertain(job)]
            self._mood.needs_login = is_stuck
            sentence = sentence_of(error)
            self._mood.cannot_submit(sentence if is_stuck else _asked_again(sentence), time.time())
        self._refuse([job for job in left if job not in again], sentence_of(error))
        return again

    def _refuse(self, jobs: Sequence[Tracked], sentence: str) -> None:
        with self._news:
            self._mood.progress = None
            self._end(
                [job for job in jobs if job.native_id is None and job.fact is None],
                refusal_of(sentence),
            )


def _attempt_of(job: Tracked) -> tuple[str, int]:
    return job.submission.job.id, job.submission.attempt


def refusal_of(sentence: str) -> Fact:
    """The fact that a job was not taken, and why."""
    return Fact(state=State.PLANNED, reason=Reason.REFUSED, message=sentence)


def _sentence_at_refusal(text: str) -> str:
    hint = hint_at_refusal(text)
    return f"sbatch refused it: {text}; {hint}" if hint else f"sbatch refused it: {text}"


def _sentence_at_silence(text: str) -> str:
    meaning = meaning_of_silence(text)
    said = text if text.startswith(("squeue: ", "scontrol: ")) else f"sbatch: {text}"
    return _asked_again(f"{said} ({meaning})" if meaning else said)


def _asked_again(sentence: str) -> str:
    return f"{sentence}; it is asked again, at least once a minute, until it answers or the jobs are cancelled"


def sentence_of(error: NemorunError) -> str:
    """An error and its hint, as one sentence."""
    return f"{error.message}; {error.hint}" if error.hint else error.message
