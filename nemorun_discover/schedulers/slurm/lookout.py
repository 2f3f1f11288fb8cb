"""Look at a cluster, for the jobs of all processes of this home, and learn from it."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

from nemorun_discover.errors import LoginNeeded, NemorunError
from nemorun_discover.schedulers.slurm.delivery import sentence_of
from nemorun_discover.schedulers.slurm.looking import (
    Question,
    forget_script,
    look_script,
    parse_look,
    unpack_evidence,
)
from nemorun_discover.schedulers.slurm.mirror import bring_up_to_date
from nemorun_discover.schedulers.slurm.paths import ClusterPaths
from nemorun_discover.schedulers.slurm.tracker import known_evidence
from nemorun_discover.transport.script import new_token

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from threading import Condition

    from nemorun_discover.schedulers.protocol import Submission
    from nemorun_discover.schedulers.slurm.looking import Answer
    from nemorun_discover.schedulers.slurm.mood import Mood
    from nemorun_discover.schedulers.slurm.plot import Plot
    from nemorun_discover.schedulers.slurm.shared_look import SharedLook
    from nemorun_discover.schedulers.slurm.tracker import Tracked, Tracker
    from nemorun_discover.transport.tunnel import Tunnel

PATIENCE_S = 120.0  # squeue waits 20 s for a controller that hangs, scancel 10, sacct as long
_FAREWELL_S = 10.0
_TURN_PAUSE_S = 0.1
# Of a sweep of which everything fails, some logs tell why; large ones are fetched when somebody reads them.
_LOGS_AT_ONCE = 20
_LARGEST_LOG = 1 << 20


def _has_secrets(submission: Submission) -> bool:
    return bool(submission.environment or submission.missing)


class Lookout:
    """Looks for a link; called by its thread alone.

    Args:
        tunnel: The way to the cluster.
        plot: Where it works.
        shared: The looks of all processes of this home.
        tracker: The jobs; changed only while `news` is held.
        mood: How it goes, likewise.
        news: The lock.
    """

    def __init__(  # noqa: PLR0917 - the parts of a link, each once
        self,
        tunnel: Tunnel,
        plot: Plot,
        shared: SharedLook,
        tracker: Tracker,
        mood: Mood,
        news: Condition,
    ) -> None:
        self._tunnel = tunnel
        self._plot = plot
        self._shared = shared
        self._tracker = tracker
        self._mood = mood
        self._news = news

    def look(self, cancels: Mapping[str, tuple[str, bool]]) -> bool:
        """Learn where all jobs stand: from the last look of another process, or from the cluster.

        Args:
            cancels: What is to be ended, see `Question.cancels`.

        Returns:
            True when the cluster was asked, and told what is to be ended.
        """
        with self._shared.turn() as is_ours:
            if not is_ours:
                if not self._learn_from_others():
                    time.sleep(_TURN_PAUSE_S)
                return False
            if not cancels and self._learn_from_others():
                return False
            try:
                self._ask(cancels)
            except NemorunError as error:
                self._went_wrong(sentence_of(error), needs_login=isinstance(error, LoginNeeded))
            except OSError as error:  # this machine's own: its disk is full, ...
                self._went_wrong(f"what it said cannot be kept: {error}", needs_login=False)
            return True

    def _went_wrong(self, sentence: str, *, needs_login: bool) -> None:
        with self._news:
            self._mood.looked_at = time.time()
            self._mood.needs_login = needs_login
            self._mood.is_ill(sentence, time.time())

    def forget_secrets(self) -> None:
        """Delete the files of secrets, when every job that could read them is over."""
        jobs = self._tracker.jobs.values()
        # By their names: a driver that took over does not know their values.
        has_secrets = any(_has_secrets(job.submission) and job.native_id for job in jobs)
        if has_secrets and all(job.is_over for job in jobs) and self._mood.trouble is None:
            own = ClusterPaths(base=self._plot.base, experiment_id=self._plot.experiment_id)
            with suppress(NemorunError):  # they are the user's own, and nobody else's to read
                self._tunnel.run(forget_script(own), timeout_s=_FAREWELL_S)

    def _learn_from_others(self) -> bool:
        """True when another process has looked since we did, and not too long ago."""
        look = self._shared.read()
        if look is None or look.as_of <= max(self._mood.looked_at, self._mood.news_since):
            return False
        self._learn(look.answer, as_of=look.as_of, changed_at=look.changed_at)
        return look.as_of >= self._shared.asked_at()

    def _ask(self, cancels: Mapping[str, tuple[str, bool]]) -> None:
        own = self._plot.experiment_id
        with self._news:
            wanted = {**self._shared.wanted(), own: self._tracker.ids_in_question()}
            has_accounting = self._mood.has_accounting
        question = Question(
            base=self._plot.base,
            known={one: known_evidence(self._plot.experiments / one / "slurm") for one in wanted},
            ids=tuple(dict.fromkeys(id_ for ids in wanted.values() for id_ in ids)),
            cancels=cancels,
            has_accounting=has_accounting,
        )
        token = new_token()
        as_of = time.time()
        reply = self._tunnel.run(look_script(question, token), timeout_s=PATIENCE_S)
        answer = parse_look(reply.output, token)
        news = unpack_evidence(answer.evidence, self._plot.experiments, wanted)
        look = self._shared.write(answer, as_of=as_of, has_news=news > 0)
        self._learn(answer, as_of=as_of, changed_at=look.changed_at)

    def _learn(self, answer: Answer, *, as_of: float, changed_at: float) -> None:
        with self._news:
            self._tracker.take(answer, as_of)
            failed = self._tracker.newly_failed()
            for job in self._tracker.newly_moved():
                self._plot.follow(job)
        self._fetch_logs(failed)
        with self._news:
            self._tracker.publish()
            self._mood.looked_at = as_of
            self._mood.changed_at = max(changed_at, self._mood.news_since)
            self._mood.has_accounting = answer.has_accounting
            if answer.queue is None:
                self._mood.is_ill(f"{self._tunnel.name}: {answer.trouble}", time.time())
                return
            self._mood.is_well()
            self._mood.as_of = as_of
            self._mood.trouble = answer.trouble and f"{self._tunnel.name}: {answer.trouble}"
            self._shared.want(self._plot.experiment_id, self._tracker.ids_in_question())

    def _fetch_logs(self, failed: Sequence[Tracked]) -> None:
        """What a job printed that has failed is shown with the failure: it is here before the failure is told."""
        files = [self._plot.log_of(job) for job in failed[:_LOGS_AT_ONCE]]
        if files:
            with suppress(NemorunError):  # `nemorun logs` asks again
                bring_up_to_date(self._tunnel, self._plot.base, files, limit=_LARGEST_LOG)
