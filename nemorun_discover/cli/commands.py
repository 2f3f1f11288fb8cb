"""The table of commands: where each lives and what it is for, so that help imports none of them."""

from __future__ import annotations

from typing import NamedTuple


class Entry(NamedTuple):
    """A command: the heading it stands under, and its help in one line.

    The command `name` is the object `name_command` of the module `nemorun_discover.cli.name`.
    """

    heading: str
    summary: str


HEADINGS = ("Run", "Look", "Manage", "Project")

COMMANDS = {
    "run": Entry("Run", "Run tasks on executors, as one experiment."),
    "rerun": Entry("Run", "Run jobs of an experiment again."),
    "reproduce": Entry("Run", "Run an experiment again and compare, or check that one could."),
    "list": Entry("Run", "List tasks, executors or jobs."),
    "status": Entry("Look", "Show where the jobs of an experiment stand."),
    "logs": Entry("Look", "Print the logs of jobs."),
    "results": Entry("Look", "Tabulate what the jobs returned."),
    "pull": Entry("Look", "Bring the outputs of jobs that ran elsewhere."),
    "show": Entry("Look", "Show the record of an experiment."),
    "diff": Entry("Look", "Show what differs between two experiments."),
    "experiments": Entry("Look", "List experiments, newest first."),
    "wait": Entry("Manage", "Wait until an experiment is over."),
    "cancel": Entry("Manage", "Cancel jobs of an experiment."),
    "eject": Entry("Manage", "Write a job as a folder that runs without nemorun."),
    "prune": Entry("Manage", "Delete what no experiment needs any more."),
    "init": Entry("Project", "Write a first nemorun.toml and an example task."),
    "config": Entry("Project", "Print the configuration that applies here."),
    "doctor": Entry("Project", "Check this machine, the project, and executors."),
    "completion": Entry("Project", "Print the completion script of a shell."),
}

# Words of other tools; understood, not shown.
ALIASES = {
    "exps": "experiments",
    "experiment": "experiments",
    "log": "logs",
    "ls": "list",
    "ps": "status",
    "stop": "cancel",
}

# Commands that end or delete something: no hint suggests them for a word that is none.
DESTRUCTIVE = frozenset({"cancel", "prune"})

# Commands that look at what is recorded, or write down what is asked: no plugin is loaded for them.
WITHOUT_PLUGINS = frozenset(
    {
        *("status", "logs", "results", "pull", "diff", "experiments"),
        *("wait", "cancel", "eject", "prune", "init", "completion"),
    }
)
