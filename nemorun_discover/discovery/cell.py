"""A cell: one task with one set of parameters, not yet on an executor; and the words that `-k` finds it by."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nemorun_discover.discovery.label import pairs_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nemorun_discover.model.task import Json, Task


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """One row of the matrix.

    Attributes:
        params: Every value that is sent, as JSON, in the order of the signature.
        label: What stands in the id's brackets; empty when nothing varies.
        pairs: `key=value` with the real values of the parameters that were parametrized or given on the
            command line, save very long ones.
        executors: Those that the ids on the command line ended in (`…@local`); empty leaves the choice free.
    """

    task: Task
    params: dict[str, Json] = field(default_factory=dict)
    label: str = ""
    pairs: tuple[str, ...] = ()
    executors: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """`train[lr=0.1]`."""
        return f"{self.task.name}[{self.label}]" if self.label else self.task.name


def is_found_by(cell: Cell, word: str) -> bool:
    """Whether one word of a `-k` expression means the cell.

    `=word` is the exact name, or an exact `key=value`. Any other word is looked for, whatever its case,
    in the id and in the values that vary; a word with `=` also in every other parameter that is sent.
    So `seed=0` finds a default, but `train` does not find `data=train.csv`.
    """
    if is_word_of(word, name=cell.task.name, label=cell.id, params=cell.params):
        return True
    return any(word.lower() in pair.lower() for pair in cell.pairs)


def is_word_of(word: str, *, name: str, label: str, params: Mapping[str, Json]) -> bool:
    """The same for a job of a record.

    Args:
        word: One word of the expression.
        name: The task's name.
        label: The id without file and executor: `train[lr=0.1]`.
        params: Every value that is sent.
    """
    if word.startswith("="):
        return word[1:] == name or word[1:] in pairs_of(params)
    wanted = word.lower()
    if wanted in label.lower():
        return True
    return "=" in word and any(wanted in pair.lower() for pair in pairs_of(params))


def label_of(job_id: str) -> str:
    """A job's id without the file before it and the executor after it: `train[lr=0.1]`."""
    return job_id.rpartition("@")[0].rpartition("::")[2]
