"""One look at a cluster: the script that asks, and what its answer says. Pure, but for unpacking evidence."""

from __future__ import annotations

import io
import re
import tarfile
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from shlex import quote
from typing import TYPE_CHECKING

from nemorun_discover.documents import discard, parse_object
from nemorun_discover.errors import DamagedFile
from nemorun_discover.files import write_atomic
from nemorun_discover.schedulers.slurm.evidence import SHAPES, attempt_of, damaged_place
from nemorun_discover.schedulers.slurm.rows import SQUEUE_FORMAT

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from nemorun_discover.schedulers.slurm.paths import ClusterPaths

# What a tar of a cluster may bring: everything else in it is passed over.
_NAME = re.compile(
    r"(?P<experiment>[^/]+)/(?:slurm/(?P<kind>begun|ending|ended)/(?P<name>[^/]+)"
    r"|jobs/(?P<slug>[^/]+)/(?:result\.json|attempt-\d+/error\.json))"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """What to ask a cluster.

    Attributes:
        base: The job_dir there, absolute.
        known: By experiment, the evidence this machine has: `begun/<slug>.<n>` and the like.
        ids: Native ids of what has left no evidence of its end.
        cancels: By native id, the submit key, and whether evidence says that this very job has begun our attempt:
            what is to be ended.
        has_accounting: False where sacct is known not to work.
    """

    base: str
    known: Mapping[str, Collection[str]]
    ids: Sequence[str] = ()
    cancels: Mapping[str, tuple[str, bool]] = field(default_factory=dict)
    has_accounting: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What it said.

    Attributes:
        queue: What squeue printed; None when it did not answer, which says nothing of any job.
        accounts: What sacct printed, of those that were asked for and that squeue does not know.
        cancelled: The ids that scancel took.
        trouble: What squeue or scancel said instead; None when all went well.
        has_accounting: False when sacct does not work there.
        evidence: A tar of what jobs left.
    """

    queue: str | None
    accounts: str = ""
    cancelled: frozenset[str] = frozenset()
    trouble: str | None = None
    has_accounting: bool = True
    evidence: bytes = b""


def script_text(name: str, **settings: str) -> str:
    """A script of this folder with what it is to know set before it; `base` is made absolute over there.

    Args:
        name: The file.
        settings: Variables of the shell, with their values.
    """
    lines = "".join(f"{variable}={quote(value)}\n" for variable, value in settings.items())
    return lines + _text_of("base.sh") + _text_of(name)


@cache
def _text_of(name: str) -> str:
    return files(__package__).joinpath(name).read_text("utf-8")


def forget_script(paths: ClusterPaths) -> str:
    """The shell script that deletes an experiment's files of secrets; the base in `paths` is as it was given."""
    own = quote(f"experiments/{paths.experiment_id}/slurm/secrets")
    return f'base={quote(paths.base)}\n{_text_of("base.sh")}rm -rf -- "$base"/{own}\n'


def look_script(question: Question, token: str) -> str:
    """The shell script that asks.

    Args:
        question: What.
        token: Begins every line that divides the answer; nothing else there may contain it.
    """
    looks = "\n".join(
        f"look {quote(experiment)} <<'{token}'\n" + "".join(f"{one}\n" for one in known) + token
        for experiment, known in question.known.items()
    )
    script = script_text(
        "watch.sh",
        token=token,
        base=question.base,
        accounting="yes" if question.has_accounting else "no",
        ids="\n".join(question.ids),
        cancels="\n".join(
            f"{id_} {key} {'yes' if has_begun else 'no'}"
            for id_, (key, has_begun) in question.cancels.items()
        ),
        queue_format=SQUEUE_FORMAT,
    )
    return f"looks() {{\n{looks or ':'}\n}}\n{script}"


def parse_look(text: bytes, token: str) -> Answer:
    """Read what the script printed."""
    sections: dict[str, bytes] = {}
    for part in text.split(f"\n{token} ".encode())[1:]:
        name, _, body = part.partition(b"\n")
        sections[name.decode()] = body
    trouble = _text(sections, "trouble").strip() or None
    has_failed = "trouble" in sections and not _text(sections, "queue").strip() and trouble
    return Answer(
        queue=None if has_failed else _text(sections, "queue"),
        accounts=_text(sections, "accounts"),
        cancelled=frozenset(_text(sections, "cancelled").split()),
        trouble=trouble,
        has_accounting="no-accounts" not in sections,
        evidence=sections.get("evidence", b""),
    )


def _text(sections: Mapping[str, bytes], name: str) -> str:
    return sections.get(name, b"").decode("utf-8", "replace")


def unpack_evidence(evidence: bytes, experiments: Path, asked: Collection[str]) -> int:
    """Put what jobs left into the folders of their experiments; how many files that were.

    Evidence that is damaged (a torn file) is put aside, under the name that says so, and is asked for again. What a
    task returned is kept as it came: whoever reads it names the damage.

    Args:
        evidence: A tar; one that is cut off gives what is whole in it.
        experiments: `HomeLayout.experiments`.
        asked: The experiments that were asked for.
    """
    count = 0
    try:
        with tarfile.open(fileobj=io.BytesIO(evidence), mode="r:") as tar:
            for member in tar:
                found = _NAME.fullmatch(member.name)
                file = tar.extractfile(member) if found and member.isfile() else None
                if found is None or file is None or found["experiment"] not in asked:
                    continue
                count += _keep(experiments, member.name, found, file.read())
    except (tarfile.TarError, EOFError):
        return count
    return count


def _keep(experiments: Path, name: str, found: re.Match[str], content: bytes) -> int:
    """Put one file in its place; how many that were. Whatever is wrong with that place harms no other file."""
    root, path, kind = experiments / found["experiment"], experiments / name, found["kind"]
    if not root.is_dir():
        return 0
    try:
        if kind:
            parse_object(path, content, SHAPES[kind])
            discard(damaged_place(path))
    except DamagedFile:
        _put(damaged_place(path), content)
        return 0
    if kind == "ended" and (which := attempt_of(found["name"])):
        _put(root / "jobs" / which[0] / f"attempt-{which[1]}" / "exit.json", content)
    return int(_put(path, content))


def _put(place: Path, content: bytes) -> bool:
    """Write a file over whatever stands there; False where its folder is none any more."""
    try:
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            write_atomic(place, content)
        except IsADirectoryError:
            discard(place)
            write_atomic(place, content)
    except (FileExistsError, NotADirectoryError):
        return False
    return True
