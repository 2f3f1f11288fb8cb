"""What the plugin adds to nemorun, and the history it keeps."""

import os

from nemorun import CliCommand, ExecutorKind, hookimpl


@hookimpl
def executor_kinds():
    return [
        ExecutorKind(
            name="scratch",
            settings="lab_plugin.settings:ScratchExecutor",
            scheduler="lab_plugin.scheduler:ScratchScheduler",
        )
    ]


@hookimpl
def cli_commands():
    return [
        CliCommand(
            name="scratch",
            heading="Lab",
            summary="List what jobs have left in scratch.",
            command="lab_plugin.commands:scratch_command",
        )
    ]


@hookimpl
def on_submit(job):
    remember(f"{job.id} attempt {job.attempt}")


@hookimpl
def on_state_change(job):
    remember(f"{job.id} {job.state} {job.exit_code}")


@hookimpl
def on_finish(experiment_id, experiment):
    remember(f"{experiment_id} {experiment.state}")


def remember(line):
    if "LAB_HISTORY" in os.environ:
        with open(os.environ["LAB_HISTORY"], "a") as file:
            file.write(line + "\n")
