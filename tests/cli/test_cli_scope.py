"""Commands without EXP mean this project's last experiment, and reach into no other project."""

from __future__ import annotations

import json
import subprocess

import pytest

from nemorun_discover.lifecycle.observe import observe
from nemorun_discover.model.record import Project

A, B = "20261122-0000-train-aaaa", "20261121-0000-train-bbbb"


@pytest.fixture
def two(tmp_path, project, shelf, told):
    """Two projects, each with an experiment; that of the other one, `a`, is the newest of the home."""
    for name in ("a", "b"):
        (tmp_path / name / "deep" / "er").mkdir(parents=True)
        (tmp_path / name / "nemorun.toml").write_text("")
    for name, one in (("a", A), ("b", B)):
        at = Project(root=str(tmp_path / name), name=name)
        shelf.put(told(f"{name}_job@local", result={"x": 1}), id=one, project=at)
    return tmp_path


def shown_by(nemorun, *words, **env):
    """The experiment that a command showed, and what it said on stderr."""
    answer = nemorun("status", *words, "--json", **env)
    assert answer.code == 0, answer.err
    return json.loads(answer.out)["experiment"]["id"], answer.err


def test_a_cancel_in_one_project_leaves_the_running_experiment_of_another_alone(
    nemorun, workshop, tmp_path
):
    other = workshop.launch(busy="sleep 60")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "nemorun.toml").write_text("")

    answer = nemorun("-C", "../b", "cancel")

    assert answer.code == 4
    assert f"there is no experiment of {tmp_path / 'b'} yet" in answer.err
    assert "-a" in answer.err
    by_word = nemorun("-C", "../b", "cancel", "@last")
    assert (by_word.code, by_word.err) == (4, answer.err)
    assert not observe(workshop.home, other).state.is_final

    answer = nemorun("-C", "../b", "cancel", "-a")

    assert answer.code == 0
    said = answer.err.splitlines()
    assert said[0].startswith("note: of all projects in ")
    assert f"the last is {other} ({workshop.root})" in said[0]
    assert said[1].startswith(f"cancels {other} of demo ({workshop.root}): 1 ")
    assert said[1].endswith("of 1 jobs")
    assert said[-1] == "busy@local CANCELLED"


@pytest.mark.parametrize(
    "words",
    [
        ("status",),
        ("status", "@last"),
        ("logs",),
        ("results",),
        ("wait",),
        ("cancel",),
        ("pull",),
        ("show",),
        ("rerun", "--dry-run"),
        ("reproduce", "--check"),
        ("diff", "@last", "@last"),
        ("eject", "b_job", "new"),
        ("experiments",),
    ],
    ids=" ".join,
)
def test_every_command_means_this_project(nemorun, two, words):
    answer = nemorun("-C", "../b", *words, "--json")

    text = answer.out + answer.err
    assert A not in text
    assert "a_job" not in text
    if words[0] not in ("eject", "pull"):  # their jobs have nothing to give
        assert answer.code in (0, 1), answer.err


def test_the_last_is_this_projects_from_its_folders_and_through_links(nemorun, two):
    (two / "link").symlink_to(two / "b")

    places = ("../b", "../b/deep/er", "../link", "../link/deep")

    assert [shown_by(nemorun, "-C", one)[0] for one in places] == [B] * len(places)
    assert shown_by(nemorun, "-c", "../a/nemorun.toml")[0] == A
    assert shown_by(nemorun, NEMORUN_CONFIG="../b/nemorun.toml") == (B, "")


def test_all_projects_and_a_place_in_none_mean_the_whole_home_and_say_so(nemorun, two):
    (two / "nowhere").mkdir()

    assert shown_by(nemorun, "-C", "../b", "-a") == (
        A,
        f"note: of all projects in {nemorun.home} the last is {A} ({two / 'a'})\n",
    )
    last, said = shown_by(nemorun, "-C", "../nowhere")
    assert last == A
    assert f"{two / 'nowhere'} is in no project: of all experiments in" in said
    listed = nemorun("-C", "../nowhere", "experiments")
    assert len(listed.lines) == 3
    assert "is in no project" in listed.err
    assert len(nemorun("-C", "../b", "experiments").lines) == 2
    assert nemorun("-C", "../b", "experiments").err == "and 1 of other projects; --all lists them\n"
    assert len(nemorun("-C", "../b", "experiments", "-a").lines) == 3


def test_without_a_configuration_the_repository_is_the_project(nemorun, two, shelf, told):
    """Without that the directory an experiment was started from, and what lies below it."""
    subprocess.run(["git", "init", "-q", two / "repo"], check=True)
    for folder in ("repo/one", "repo/two", "plain/below", "plain/beside"):
        (two / folder).mkdir(parents=True)
    in_repo, in_plain = "20261101-0000-x-cccc", "20261102-0000-x-dddd"
    for one, folder in ((in_repo, "repo/one"), (in_plain, "plain")):
        shelf.put(told("j@local"), id=one, project=Project(root=str(two / folder), name="x"))

    assert shown_by(nemorun, "-C", "../repo/two") == (in_repo, "")
    assert shown_by(nemorun, "-C", "../plain/below") == (in_plain, "")
    shelf.put(
        told("j@local"),
        id="20261001-0000-x-eeee",
        project=Project(root=str(two / "plain" / "beside"), name="x"),
    )
    assert shown_by(nemorun, "-C", "../plain/beside") == ("20261001-0000-x-eeee", "")


def test_a_project_that_was_moved_begins_anew_and_finds_its_past_by_id(nemorun, two):
    (two / "b").rename(two / "moved")

    answer = nemorun("-C", "../moved", "status")

    assert answer.code == 4
    assert "as of one that was moved" in answer.err
    assert shown_by(nemorun, "-C", "../moved", "bbbb")[0] == B


def test_a_jobs_name_is_not_the_end_of_a_strangers_id(nemorun, two, shelf, told):
    mine = Project(root=str(two / "b"), name="b")
    shelf.put(told("aaaa@local"), id="20261121-0001-train-ffff", project=mine)

    answer = nemorun("-C", "../b", "cancel", "aaaa", "--json")

    assert answer.json["experiment"]["id"] == "20261121-0001-train-ffff"
    assert nemorun("-C", "../b", "cancel", A, "--json").json["experiment"]["id"] == A


@pytest.mark.parametrize("word", ["top", "kill", "cancle", "purne", "stopp", "prun", "clean"])
def test_no_hint_leads_to_a_command_that_ends_or_deletes(nemorun, word):
    answer = nemorun(word)

    assert answer.code == 4
    assert not {"stop", "cancel", "prune"} & set(answer.err.replace("?", " ").split()[4:])
