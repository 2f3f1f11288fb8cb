"""One experiment's jobs on one cluster, and the thread that speaks with it: the driver never waits for a network."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from nemorun_discover.errors import NemorunError
from nemorun_discover.model.state import State
from nemorun_discover.model.status import Contact
from nemorun_discover.schedulers.protocol import Fact
from nemorun_discover.schedulers.slurm.delivery import Delivery
from nemorun_discover.schedulers.slurm.lookout import Lookout
from nemorun_discover.schedulers.slurm.mood import Mood
from nemorun_discover.schedulers.slurm.shared_look import pause_s
from nemorun_discover.schedulers.slurm.tracker import Tracked, Tracker

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from nemorun_discover.schedulers.protocol import Submission
    from nemorun_discover.schedulers.slurm.plot import Plot
    from nemorun_discover.schedulers.slurm.shared_look import SharedLook
    from nemorun_discover.transport.tunnel import Tunnel

_TICK_S = 0.05
_AGAIN_CANCEL_S = 10.0
_SOON_S = 1.0
_ASKED_S = 5.0  # at least, between two tries that `nemorun status` asks for
_FAREWELL_S = 2.0


class Link:
    """What the driver has submitted to a cluster, or found there.

    Args:
        tunnel: The way there; what brings outputs uses it too, in threads of its own.
        plot: Where it works.
        shared: The looks of all processes of this home.
        wake: Called when there is something to tell.
    """

    def __init__(
        self, tunnel: Tunnel, plot: Plot, shared: SharedLook, wake: Callable[[], None]
    ) -> None:
        self._tunnel = tunnel
        self._plot = plot
        self._shared = shared
        self._wake_driver = wake
        self._news = threading.Condition(threading.RLock())
        self._mood = Mood()
        self._tracker = Tracker(folder=plot.experiments / plot.experiment_id / "slurm")
        self._delivery = Delivery(tunnel, plot, self._tracker, self._mood, self._news)
        self._lookout = Lookout(tunnel, plot, shared, self._tracker, self._mood, self._news)
        self._outbox: list[Tracked] = []
        self._may_go = False
        self._tried_at = 0.0
        self._cancelled_at: dict[str, float] = {}
        self._cancels: set[str] = set()
        self._is_closing = False
        self._thread: threading.Thread | None = None

    def submit(self, submission: Submission, *, is_new: bool) -> None:
        """Take an attempt; it goes together with all others that are taken before the next question.

        Args:
            submission: The attempt.
            is_new: False when an earlier process may have submitted it already.
        """
        job_id = submission.job.id
        with self._news:
            known = self._tracker.jobs.get(job_id)
            if known is not None and known.attempt >= submission.attempt:
                return
            job = Tracked(submission=submission, attempt=submission.attempt)
            self._tracker.jobs[job_id] = job
            self._cancels.discard(job_id)
            self._outbox.append(job)
            if not is_new:
                self._delivery.may_have_arrived(job)

    def watch(self, job: Tracked) -> None:
        """Watch an attempt that an earlier process submitted."""
        with self._news:
            self._tracker.jobs.setdefault(job.submission.job.id, job)
            self._mood.news_since = time.time()
            self._mood.has_taken = True

    def facts(self, job_ids: Collection[str]) -> dict[str, Fact]:
        """Where these jobs stand that have got on since the last question; what was submitted before goes out now."""
        with self._news:
            self._may_go = self._may_go or bool(self._outbox)
            self._wake()
            jobs = self._tracker.jobs
            return {one: fact for one in job_ids if one in jobs and (fact := jobs[one].tell())}

    def cancel(self, job_ids: Collection[str]) -> None:
        """End these. The driver says so at every look; the cluster is told once in a while until it is true."""
        with self._news:
            for one in job_ids:
                job = self._tracker.jobs.get(one)
                if job is None or job.is_over:
                    continue
                if job in self._outbox and not self._delivery.is_uncertain(job):
                    self._outbox.remove(job)
                    job.fact = Fact(state=State.CANCELLED)
                    continue
                job.is_unwanted = True
                self._cancels.add(one)
            self._wake()

    def contact(self) -> Contact:
        """How the cluster is heard, and what pending jobs wait for."""
        with self._news:
            alive = {id_: job for id_, job in self._tracker.jobs.items() if not job.is_over}
            return Contact(
                as_of=self._mood.heard_at(),
                trouble=self._mood.submit_trouble or self._mood.trouble,
                progress=self._mood.progress,
                waiting={id_: job.waiting for id_, job in alive.items() if job.waiting},
                expected={id_: job.expected_at for id_, job in alive.items() if job.expected_at},
            )

    @property
    def needs_login(self) -> bool:
        """True when the cluster wants a password, and nobody is there to be asked."""
        return self._mood.needs_login

    def close(self) -> None:
        """End the thread and the connection; what runs on the cluster goes on."""
        with self._news:
            self._is_closing = True
            self._news.notify_all()
        if self._thread is not None:
            self._thread.join(_FAREWELL_S)
        self._lookout.forget_secrets()
        self._shared.want_no_more(self._plot.experiment_id)
        self._tunnel.close()

    def _wake(self) -> None:
        if self._thread is None:
            thread = threading.Thread(
                target=self._run, name=f"link to {self._tunnel.name}", daemon=True
            )
            thread.start()  # there may be no thread to be had now
            self._thread = thread
        elif not self._thread.is_alive() and not self._is_closing:
            raise NemorunError(
                f"what speaks with {self._tunnel.name} has failed",
                hint="the driver's log has the traceback; the next command starts another driver",
            )
        self._news.notify_all()

    def _run(self) -> None:
        while True:
            with self._news:
                self._news.wait_for(self._has_work, timeout=_TICK_S)
                if self._is_closing:
                    return
                if not self._has_work():
                    continue
                may_go = self._may_go and self._may_submit(time.time())
                outbox, self._outbox = (self._outbox, []) if may_go else ([], self._outbox)
                self._may_go = self._may_go and not may_go
                cancels = self._may_cancel()
            if outbox:
                self._tried_at = time.time()
                again = self._delivery.hand_over(outbox)
                with self._news:
                    self._outbox[:0] = self._still_wanted(again)
                    self._may_go = bool(self._outbox)
            elif self._lookout.look(
                {job.whole_id: (job.key, job.is_settled_by_evidence) for job in cancels}
            ):
                self._cancelled_at |= {job.submission.job.id: time.time() for job in cancels}
            self._wake_driver()

    def _still_wanted(self, jobs: list[Tracked]) -> list[Tracked]:
        """What is to be handed over again: what was cancelled meanwhile, and is not there for sure, has ended."""
        left = []
        for job in jobs:
            if job.is_unwanted and not self._delivery.is_uncertain(job):
                job.fact = Fact(state=State.CANCELLED)
            else:
                left.append(job)
        return left

    def _has_work(self) -> bool:
        if self._is_closing:
            return True
        now = time.time()
        if self._may_go and self._outbox and self._may_submit(now):
            return True
        return self._mood.may_try(now) and self._is_time_to_look()

    def _may_submit(self, now: float) -> bool:
        """False while the pause after a failure lasts; somebody who asks for a look ends it."""
        is_asked = self._shared.asked_at() > self._tried_at and now - self._tried_at > _ASKED_S
        return self._mood.may_submit(now) or (is_asked and not self._mood.needs_login)

    def _is_time_to_look(self) -> bool:
        if not any(one.is_watched and one.native_id for one in self._tracker.jobs.values()):
            return False
        now, looked_at = time.time(), self._mood.looked_at
        if self._may_cancel():
            return now - looked_at >= _TICK_S
        if self._shared.asked_at() > looked_at:
            return True
        is_soon = bool(self._alive_cancels())
        pause = _SOON_S if is_soon else pause_s(now - (self._mood.changed_at or now))
        return now - looked_at >= pause

    def _alive_cancels(self) -> list[Tracked]:
        jobs = (self._tracker.jobs[one] for one in self._cancels)
        return [job for job in jobs if job.native_id and not job.is_over]

    def _may_cancel(self) -> list[Tracked]:
        now = time.time()
        return [
            job
            for job in self._alive_cancels()
            if now - self._cancelled_at.get(job.submission.job.id, 0.0) > _AGAIN_CANCEL_S
        ]
