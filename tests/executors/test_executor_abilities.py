"""What a kind of executor declares of itself, and what holds for one that declares nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pytest

from nemorun_discover.executors.base import Executor
from nemorun_discover.executors.kinds import FAMILIES, add_executor_kind
from nemorun_discover.executors.local import LocalExecutor
from nemorun_discover.lifecycle.reading import is_at_hand, runs_here


@dataclass(kw_only=True, slots=True)
class SilentExecutor(Executor):
    """A plugin's, which says nothing."""

    kind: ClassVar[str] = "silent"


@dataclass(kw_only=True, slots=True)
class ScratchExecutor(LocalExecutor):
    """A plugin's, below a kind of ours."""

    kind: ClassVar[str] = "scratch"


@pytest.fixture(autouse=True)
def added(monkeypatch):
    monkeypatch.setitem(FAMILIES, "executor", dict(FAMILIES["executor"]))
    for one in (SilentExecutor, ScratchExecutor):
        add_executor_kind(one.kind, f"{__name__}:{one.__name__}", by="a plugin")


@pytest.mark.parametrize(
    ("table", "at_hand", "here"),
    [
        ({"kind": "local"}, True, True),
        ({"kind": "docker"}, True, True),
        ({"kind": "slurm"}, False, False),
        ({"kind": "skypilot"}, False, False),
        ({"kind": "torchx", "scheduler": "local_cwd"}, False, True),
        ({"kind": "torchx", "scheduler": "local_docker"}, False, True),
        ({"kind": "torchx", "scheduler": "kubernetes"}, False, False),
        ({"kind": "silent"}, False, False),
        ({"kind": "scratch"}, True, True),
        ({"kind": "of a plugin that is gone"}, False, False),
    ],
    ids=lambda one: " ".join(one.values()) if isinstance(one, dict) else str(one),
)
def test_a_kind_says_what_it_can(table, at_hand, here):
    assert (is_at_hand(table), runs_here(table)) == (at_hand, here)
