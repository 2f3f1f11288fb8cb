"""How a job ended: what it left itself is believed over what SkyPilot says of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from nemorun_discover.documents import KeptOutputs, read_object
from nemorun_discover.errors import DamagedFile, UnreadableFile
from nemorun_discover.files import write_json
from nemorun_discover.model.state import Reason, State
from nemorun_discover.schedulers.local.evidence import read_fact
from nemorun_discover.schedulers.protocol import Fact
from nemorun_discover.schedulers.skypilot.follow import exit_code_of, keep_evidence, left_behind
from nemorun_discover.schedulers.skypilot.refusals import first_sentence
from nemorun_discover.schedulers.skypilot.states import meaning_of

if TYPE_CHECKING:
    from pathlib import Path

    from nemorun_discover.model.layout import JobLayout
    from nemorun_discover.schedulers.skypilot.frames import JobStream
    from nemorun_discover.schedulers.skypilot.run import Run

_MB = 1_000_000


def ending_of(run: Run) -> Fact | None:
    """The fact of a job whose log has ended; None when it cannot be told yet. Its files are put in place."""
    follower = run.follower
    stream = follower.stream if follower and not follower.trouble else None
    state, reason = meaning_of(run.raw or "")
    fact = None if stream is None else _by_its_own_word(run, stream)
    if fact is not None:
        return fact
    if not state.is_final:
        return None
    code = exit_code_of(stream) if stream is not None else None
    if state is State.SUCCEEDED:
        code = 0
    if code is None and state is State.FAILED:
        _say(run, _sentence(run))
        reason = Reason.LOST if reason is Reason.EXIT_CODE else reason
    return Fact(
        state=state, reason=reason, raw_state=run.raw, exit_code=code, started_at=run.begun_at
    )


def _sentence(run: Run) -> str:
    otherwise = f"SkyPilot says {run.raw}, and the job left no word of its own"
    words = _WORDS.get(run.raw or "", otherwise)
    return f"{words}: {first_sentence(run.why)}" if run.why else words


def _by_its_own_word(run: Run, stream: JobStream) -> Fact | None:
    document = keep_evidence(run, stream)
    if document is None:
        return None
    write_json(run.paths.exit, document)
    tell_what_stayed(run, stream)
    try:
        fact = read_fact(run.paths, is_here=False)
    except (DamagedFile, UnreadableFile) as error:
        run.damage = error.message
        return None
    return None if fact is None else replace(fact, raw_state=run.raw)


_WORDS = {
    "FAILED_SETUP": "the setup has failed on SkyPilot's cluster",
    "FAILED_DRIVER": "SkyPilot's own process that stood over the job has ended",
    "FAILED_PRECHECKS": "SkyPilot could not carry out the task as it is written",
    "FAILED_NO_RESOURCE": "SkyPilot found no place for the job",
    "FAILED_CONTROLLER": "SkyPilot's controller of managed jobs has failed",
}


def tell_what_stayed(run: Run, stream: JobStream) -> None:
    """Say what outputs did not come back, in the log and to whoever needs them."""
    size = left_behind(stream)
    # Of the last attempt that ended: whoever needs the outputs looks there.
    write_json(_note_of(run.submission.paths), {"left_bytes": size or 0})
    if size:
        _say(
            run,
            f"{size / _MB:.0f} MB of outputs stay on the cluster: use storage_mounts for so much",
        )


def what_stayed(paths: JobLayout) -> int:
    """Bytes of a job's outputs that were too many to come back; 0 for none."""
    try:
        known = read_object(_note_of(paths), KeptOutputs)
    except (DamagedFile, UnreadableFile):
        return 0
    return 0 if known is None else int(known["left_bytes"])


def _note_of(paths: JobLayout) -> Path:
    return paths.root / "outputs.json"


def _say(run: Run, sentence: str) -> None:
    line = f"nemorun: {sentence}\n"
    run.paths.root.mkdir(mode=0o700, exist_ok=True)
    with run.paths.log.open("a+") as log:
        log.seek(0)
        if line not in log.read():
            log.write(line)
