"""One grammar: what is typed means for `nemorun rerun` what it means for `nemorun run`."""

from __future__ import annotations

import json
import os
import textwrap

import pytest

from nemorun_discover.config.load import load_config
from nemorun_discover.errors import NemorunError, UsageError
from nemorun_discover.lifecycle.again import rerun
from nemorun_discover.lifecycle.compose import compose
from nemorun_discover.lifecycle.launch import launch
from nemorun_discover.lifecycle.request import RunRequest
from nemorun_discover.lifecycle.rerun_changes import Changes
from nemorun_discover.lifecycle.watch import watch
from nemorun_discover.store.home import open_home

WORDS = """
    import enum
    import pathlib
    from dataclasses import dataclass
    from typing import Literal

    import nemorun
    from elsewhere import Far

    class Mode(enum.Enum):
        FAST = 1
        SLOW = 2

    @dataclass
    class Optimizer:
        lr: float = 0.1
        name: str = "adam"

    @nemorun.task
    def take(
        number: float = 0.5, whole: int = 3, flag: bool = False, text: str = "a", path: pathlib.Path = "p",
        mode: Mode = "FAST", word: Literal["x", 1] = "x", maybe: int | None = None, layers: list[int] = [1],
        pair: tuple[int, str] = (1, "a"), table: dict[str, float] = {"a": 1.0}, opt: Optimizer | None = None,
        free=None, bare=3, far: Far = "A", left: float = 2 * 0.5,
    ): ...

    @nemorun.task
    def other(number: float = 0.5): ...
"""


@pytest.fixture
def both(tmp_path):
    """What a run, and a rerun of the first run, make of a word or an option."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "nemorun.toml").write_text("")
    (tmp_path / "elsewhere.py").write_text(
        "import enum\nclass Far(enum.Enum):\n    A = 1\n    B = 2\n"
    )
    (tmp_path / "tasks.py").write_text(textwrap.dedent(WORDS))

    def run(**said):
        overrides = said.pop("overrides", ())
        request = RunRequest(keyword="take", argv=("nemorun", "run"), **said)
        config = load_config(tmp_path, overrides=overrides)
        return compose(config, request, cwd=tmp_path, env=os.environ)

    home = open_home(os.environ)
    first = launch(home, run(), os.environ)
    for status in watch(home, first):
        jobs = [job.id for job in status.jobs]

    def again(**said):
        changes = Changes(
            params=said.get("words", ()),
            sets=said.get("sets", ()),
            overrides=said.get("overrides", ()),
        )
        return rerun(home, first, jobs, ("nemorun", "rerun"), changes, env=os.environ)

    return run, again


@pytest.mark.parametrize(
    "words",
    [
        ["number=1", "whole=0x1F", "flag=yes", "text=1", "path=~/x", "mode=slow", "word=1"],
        ["number=1_000", "whole=007", "flag=1", "text='a,b'", "maybe=none", "layers=[1,2]"],
        [
            "maybe=7",
            "pair=(2,b)",
            "table={a: 1, 'b c': 2}",
            "opt={lr: 1, name: sgd}",
            "free=[1, 'x']",
        ],
        ["free=007", "free=None", "free=true", "free={'a': 1}", "free='1'", "free=1e3"],
        ["bare=abc", "bare=1.5", "bare=[1]", "text=null", "text=", "text=' a '", "far=B"],
        [
            "number=0.1,0.2",
            "whole=1,2",
            "text=a,b",
            "layers=[1],[2,3]",
            "mode=FAST,SLOW",
            "free=1,1.0",
        ],
        ["left=3", "--set take.number=4", "--set take.number=4,5", "-o tasks.take.params.number=6"],
        [
            "-o tasks.take.params.text=7",
            "-o tasks.take.params.layers=[8]",
            "-o tasks.take.params.flag=true",
        ],
        ["number=inf", "number=nan", "number=abc", "whole=1.5", "flag=maybe", "mode=no", "word=2"],
        ["layers=1", "layers=[1", "pair=(1)", "opt={rl: 1}", "number=1,", "text='a,b", "table=x"],
        [
            "number=",
            "far=C",
            "nothing=1",
            "--set take=1",
            "-o tasks.take.params.number=x",
            "text=a\0b",
        ],
    ],
    ids=lambda words: words[0],
)
def test_a_word_means_for_a_rerun_what_it_means_for_a_run(both, words):
    """The same values, the same jobs, the same refusals."""
    run, again = both
    for word in words:
        option, _, rest = word.partition(" ")
        kinds = {"--set": "sets", "-o": "overrides"}
        said = {kinds[option]: (rest,)} if option in kinds else {"words": (word,)}

        assert outcome(run, said) == outcome(again, said), word


def test_a_rerun_imports_nothing_where_that_is_forbidden(both, monkeypatch):
    run, again = both
    monkeypatch.setenv("NEMORUN_NO_IMPORT", "1")

    assert outcome(run, {"words": ("far=B",)}) == outcome(again, {"words": ("far=B",)})
    assert outcome(again, {"words": ("far=B",)})[0] is UsageError


def outcome(make, said):
    """The parameters of each job, with the types that JSON tells apart, or why there is none.

    Of a name that is nobody's, a rerun speaks of jobs and a run of tasks.
    """
    try:
        plan = make(**said)
    except NemorunError as error:
        is_unknown = "parameter" in error.message
        return (type(error), "no such parameter" if is_unknown else error.message)
    return sorted(json.dumps(job.params, sort_keys=True) for job in plan.jobs)
