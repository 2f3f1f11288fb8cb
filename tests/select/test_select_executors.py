from __future__ import annotations

import pytest

from nemorun_discover.discovery.executor_names import match_executors
from nemorun_discover.errors import NothingSelected, UsageError

AVAILABLE = ["local", "docker", "slurm_a", "slurm_b", "my cluster"]


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        ([], ()),
        (["local"], ("local",)),
        (["slurm_b", "local"], ("slurm_b", "local")),
        (["slurm_b,local"], ("slurm_b", "local")),
        (["slurm_b , local"], ("slurm_b", "local")),
        (["slurm_*"], ("slurm_a", "slurm_b")),
        (["slurm_?"], ("slurm_a", "slurm_b")),
        (["slurm_[ab]"], ("slurm_a", "slurm_b")),
        (["slurm_[!a]"], ("slurm_b",)),
        (["slurm_b", "slurm_*"], ("slurm_b", "slurm_a")),
        (["local", "local"], ("local",)),
        (["slurm_b or local"], ("local", "slurm_b")),
        (["slurm_* and not slurm_a"], ("slurm_b",)),
        (["not (slurm_* or docker)"], ("local", "my cluster")),
        (["my cluster"], ("my cluster",)),
        (["*"], tuple(AVAILABLE)),
    ],
    ids=str,
)
def test_patterns_choose_executors_in_order(patterns, expected):
    assert match_executors(AVAILABLE, patterns) == expected


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("slurm_x", "unknown executor 'slurm_x'; did you mean slurm_a or slurm_b?"),
        ("Local", "unknown executor 'Local'; did you mean local?"),
        ("zzz", "unknown executor 'zzz'"),
        ("local,zzz", "unknown executor 'zzz'"),
        ("not slurm_c", "unknown executor 'slurm_c'; did you mean slurm_a or slurm_b?"),
        ("* and not zzz", "unknown executor 'zzz'"),
    ],
    ids=str,
)
def test_a_plain_name_that_does_not_exist_is_refused_with_the_nearest(pattern, message):
    with pytest.raises(UsageError) as caught:
        match_executors(AVAILABLE, [pattern])

    assert caught.value.message == message
    assert caught.value.hint == "nemorun list executors"


@pytest.mark.parametrize("pattern", ["slrum_*", "slurm_* and docker"], ids=str)
def test_a_pattern_without_a_match_selects_nothing(pattern):
    with pytest.raises(NothingSelected, match=r"no executor matches -e .*did you mean slurm_a"):
        match_executors(AVAILABLE, [pattern])


@pytest.mark.parametrize("pattern", ["", "local,,docker", "local,", "a b", "(local"], ids=str)
def test_a_malformed_pattern_is_refused(pattern):
    with pytest.raises(UsageError, match=r"^-e .*expected"):
        match_executors(AVAILABLE, [pattern])


def test_the_error_says_which_task_names_the_unknown_executor():
    with pytest.raises(
        UsageError, match=r"unknown executor 'gpu', as in the executors of task train"
    ):
        match_executors(AVAILABLE, ["gpu"], where="executors of task train")
