"""Where every file of an experiment lies: the one place that knows a path below NEMORUN_HOME.

    README                              who owns this folder and what may be deleted
    experiments/<id>/record.json        what was asked; complete before anything is submitted
    experiments/<id>/events.jsonl       what happened, appended
    experiments/<id>/code.json          the project's own files as they were when the jobs were planned
    experiments/<id>/contact.json       how the clusters of its jobs are heard, replaced at every look
    experiments/<id>/pull.lock          held while outputs are fetched
    experiments/<id>/driver.lock        held by the process that carries the experiment on
    experiments/<id>/driver.log         what that process printed
    experiments/<id>/jobs/<slug>/       job.json, request.json, result.json, outputs/, attempt-N/
    experiments/<id>/jobs/<slug>/code/  the job's checkout: its package as a folder, where it runs
    experiments/<id>/code/<digest>/     one for all jobs, of experiments of earlier versions
    experiments/<id>/workdirs/<name>/   what SkyPilot sends for the jobs of an executor
    experiments/<id>/clusters.json      the clusters that were started for its jobs
    …/attempt-N/                        log, process.json, exit.json, error.json, arrival.json; app.json and
                                        start.json where TorchX runs it
    packages/<hash>…                    content-addressed code, shared
    clusters/<name>-<hash>/             what clusters told last, shared by all who ask

Paths only, no I/O. Standard library, Python 3.9: the worker uses it inside jobs.
"""

from __future__ import annotations

from pathlib import Path

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

DEFAULT_HOME = "~/.run"


def home_root(env: Mapping[str, str]) -> Path:
    """The home that NEMORUN_HOME names, `~/.run` where it names none; absolute, and maybe not there yet."""
    return Path(env.get("NEMORUN_HOME") or DEFAULT_HOME).expanduser().absolute()


KEPT = ("experiments", "packages", "clusters", "crashes")  # the directories of a home
HOME_README = "This folder belongs to nemorun"  # how the README of a home begins
_OF_A_HOME = frozenset(("README", "experiments", "packages"))
_OF_AN_EXPERIMENT = frozenset(("record.json", "events.jsonl", "jobs"))


def is_ours(folder: str, names: Collection[str]) -> bool:
    """True for a home, or an experiment's folder outside one: what lies there are copies of code, and no project's.

    Args:
        folder: The directory.
        names: What lies directly in it.
    """
    if _OF_AN_EXPERIMENT.issubset(names):
        return True
    if not _OF_A_HOME.issubset(names):
        return False
    try:
        with open(f"{folder}/README", encoding="utf-8", errors="replace") as readme:  # noqa: PTH123
            return readme.read(len(HOME_README)) == HOME_README
    except OSError:
        return False


class HomeLayout:
    """The paths of a NEMORUN_HOME."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.readme = root / "README"
        self.experiments = root / "experiments"
        self.packages = root / "packages"
        self.clusters = root / "clusters"
        self.crashes = root / "crashes"

    def experiment(self, experiment_id: str) -> ExperimentLayout:
        """The paths of one experiment."""
        return ExperimentLayout(self.experiments / experiment_id)


class ExperimentLayout:
    """The paths of one experiment's folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.record = root / "record.json"
        self.events = root / "events.jsonl"
        self.live_code = root / "code.json"
        self.contact = root / "contact.json"
        self.pull_lock = root / "pull.lock"
        self.driver_lock = root / "driver.lock"
        self.driver_log = root / "driver.log"
        self.jobs = root / "jobs"
        self.code = root / "code"
        self.workdirs = root / "workdirs"
        self.clusters = root / "clusters.json"

    def job(self, slug: str) -> JobLayout:
        """The paths of one job."""
        return JobLayout(self.jobs / slug)


class JobLayout:
    """The paths of one job's folder; an experiment has thousands of them, so each path is made when it is asked for."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def job(self) -> Path:
        """What the worker is told."""
        return self.root / "job.json"

    @property
    def request(self) -> Path:
        """What the scheduler was sent."""
        return self.root / "request.json"

    @property
    def result(self) -> Path:
        """What the task returned."""
        return self.root / "result.json"

    @property
    def script(self) -> Path:
        """The text of an inline script."""
        return self.root / "script"

    @property
    def outputs(self) -> Path:
        """What the task left."""
        return self.root / "outputs"

    @property
    def code(self) -> Path:
        """Its checkout, where it has one."""
        return self.root / "code"

    def attempt(self, number: int) -> AttemptLayout:
        """The paths of one attempt, counted from 1."""
        return AttemptLayout(self.root / f"attempt-{number}")


class AttemptLayout:
    """The paths of one attempt's folder; made like those of a job."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def log(self) -> Path:
        """What it prints."""
        return self.root / "log"

    @property
    def process(self) -> Path:
        """Who runs it."""
        return self.root / "process.json"

    @property
    def exit(self) -> Path:
        """How it ended."""
        return self.root / "exit.json"

    @property
    def error(self) -> Path:
        """The exception that ended it."""
        return self.root / "error.json"

    @property
    def app(self) -> Path:
        """Its names in TorchX."""
        return self.root / "app.json"

    @property
    def start(self) -> Path:
        """What it becomes when TorchX begins it."""
        return self.root / "start.json"

    @property
    def arrival(self) -> Path:
        """What its cluster said when it took it."""
        return self.root / "arrival.json"
