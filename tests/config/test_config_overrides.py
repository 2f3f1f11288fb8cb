"""What the environment and `-o` say over the files."""

from __future__ import annotations

import pytest

from nemorun_discover.config.resolve import resolve_executor
from nemorun_discover.errors import ConfigError

SLURM = """
[profiles._base]
account = "a"

[profiles.slurm_a]
kind = "slurm"
extends = "_base"
nodes = 1
env_vars = { MiXed = "1" }
"""


def resolved(config, name="slurm_a"):
    return resolve_executor(name, config=config, factories=())


def test_a_variable_sets_a_key_of_a_profile(project):
    config = project.load(SLURM, NEMORUN_PROFILES__SLURM_A__NODES="4")

    assert resolved(config).nodes == 4


def test_a_variable_finds_a_profile_whatever_its_case_and_dashes(project):
    text = '[profiles.Slurm-B]\nkind = "slurm"\n'

    config = project.load(text, NEMORUN_PROFILES__SLURM_B__NODES="2")

    assert resolved(config, "Slurm-B").nodes == 2


def test_a_variable_reaches_nested_tables_and_keys_that_are_not_written(project):
    config = project.load(
        SLURM,
        NEMORUN_PROFILES__SLURM_A__TUNNEL__KIND="ssh",
        NEMORUN_PROFILES__SLURM_A__TUNNEL__HOST="login",
        NEMORUN_PROFILES__SLURM_A__ENV_VARS__MIXED="2",
        NEMORUN_PROFILES__SLURM_A__ENV_VARS__NEW="x",
    )

    executor = resolved(config)

    assert (executor.tunnel.kind, executor.tunnel.host) == ("ssh", "login")
    assert executor.env_vars == {"MiXed": "2", "NEW": "x"}


def test_a_number_is_text_where_the_field_is_text(project):
    config = project.load(SLURM, NEMORUN_PROFILES__SLURM_A__ACCOUNT="007")

    assert resolved(config).account == "007"


def test_other_variables_of_ours_are_no_configuration(project):
    project.load(SLURM, NEMORUN_HOME="/x", NEMORUN_JOB_ID="a__b", NEMORUN_NODE_RANK="0")


@pytest.mark.parametrize(
    ("variable", "message"),
    [
        ("NEMORUN_PROFILE__SLURM_A__NODES", "there is no table profile"),
        ("NEMORUN_PROFILES__SLURM_X__NODES", "there is no profile slurm_x"),
        ("NEMORUN_PROFILES__SLURM_A", "names a table, not a key"),
        ("NEMORUN_PROFILES__SLURM_A__NODESS", "unknown key"),
        ("NEMORUN_PROJECT__NAM", "unknown key"),
    ],
    ids=["table", "profile", "no-key", "profile-key", "project-key"],
)
def test_a_variable_that_says_nothing_known_is_refused_by_name(project, variable, message):
    with pytest.raises(ConfigError, match=f"^environment {variable}: {message}"):
        project.load(SLURM, **{variable: "1"})


@pytest.mark.parametrize(
    ("option", "field", "value"),
    [
        ("profiles.slurm_a.nodes=4", "nodes", 4),
        ("profiles.slurm_a.account=other", "account", "other"),
        ('profiles.slurm_a.account="quoted"', "account", "quoted"),
        ("profiles.slurm_a.account=42", "account", "42"),
        ("profiles.slurm_a.account=a=b", "account", "a=b"),
        ("profiles.slurm_a.account=", "account", ""),
        ("profiles.slurm_a.account=1\nx = 2", "account", "1\nx = 2"),
        ('profiles.slurm_a.container_mounts=["a:b"]', "container_mounts", ["a:b"]),
        ("profiles.slurm_a.exclusive=true", "exclusive", True),
        ("profiles.slurm_a.timeout=30m", "timeout", "30m"),
        ("profiles.slurm_a.timeout=90", "timeout", 90),
        ("profiles.slurm_a.setup_lines=$HOME; 'x'", "setup_lines", "$HOME; 'x'"),
    ],
    ids=[
        "number",
        "word",
        "quoted",
        "number-as-text",
        "equals",
        "empty",
        "two-lines",
        "list",
        "true",
        "duration",
        "seconds",
        "shell",
    ],
)
def test_an_option_is_toml_or_plain_text_as_the_field_wants(project, option, field, value):
    config = project.load(SLURM, option)

    assert getattr(resolved(config), field) == value


def test_an_option_wins_over_a_variable_and_the_last_option_over_the_first(project):
    config = project.load(
        SLURM,
        "profiles.slurm_a.nodes=2",
        "profiles.slurm_a.nodes=3",
        NEMORUN_PROFILES__SLURM_A__NODES="4",
    )

    assert resolved(config).nodes == 3


def test_an_option_on_a_template_reaches_the_profiles_that_extend_it(project):
    assert resolved(project.load(SLURM, "profiles._base.account=b")).account == "b"


def test_the_built_in_profile_takes_options_without_a_file(project):
    config = project.load(None, "profiles.local.max_parallel=2")

    assert resolved(config, "local").max_parallel == 2


def test_an_option_can_hold_a_table(project):
    config = project.load(SLURM, 'profiles.slurm_a.tunnel={kind="ssh", host="h"}')

    assert resolved(config).tunnel.host == "h"


def test_an_option_can_refer_to_the_environment(project):
    config = project.load(SLURM, "profiles.slurm_a.nodes=${env:N}", N="5")

    assert resolved(config).nodes == 5


def test_an_option_reaches_the_project_and_a_task_named_by_its_node_id(project):
    config = project.load("", 'project.paths=["x"]', 'tasks."tasks/train.py::train".params.lr=0.5')

    assert config.project.paths == ["x"]
    assert config.table("tasks")["tasks/train.py::train"]["params"]["lr"].value.natural == 0.5


@pytest.mark.parametrize(
    ("option", "message", "hint"),
    [
        ("nonsense", "-o nonsense: expected key=value", "-o profiles.NAME.nodes=4"),
        ("=1", "-o =1: expected key=value", "-o profiles.NAME.nodes=4"),
        ("a b=1", "-o a b=1: expected key=value", "-o profiles.NAME.nodes=4"),
        ("profles.a.b=1", "-o profles.a.b: there is no table profles", "did you mean profiles?"),
        ("paths=1", "-o paths: there is no table paths", "did you mean project.paths?"),
        (
            "profiles.slurm_b.nodes=1",
            "-o profiles.slurm_b.nodes: there is no profile slurm_b",
            "did you mean slurm_a?",
        ),
        ("profiles.slurm_a=1", "-o profiles.slurm_a: names a table, not a key", "NAME.nodes=4"),
        ("project=1", "-o project: names a table, not a key", "project.name=text"),
        (
            "profiles.slurm_a.nodess=4",
            "-o profiles.slurm_a.nodess: unknown key",
            "did you mean nodes?",
        ),
        (
            "profiles.slurm_a.nodes=four",
            "-o profiles.slurm_a.nodes: expected an integer, found the text 'four'",
            None,
        ),
        ("project.pathss=[]", "-o project.pathss: unknown key", "did you mean paths?"),
        ("project.name=a\0b", "-o project.name: the text holds a NUL character", None),
    ],
    ids=[
        "no-equals",
        "no-key",
        "bad-key",
        "table",
        "key-of-project",
        "profile",
        "profile-only",
        "project-only",
        "profile-key",
        "profile-type",
        "project-key",
        "nul",
    ],
)
def test_an_option_that_does_not_fit_is_refused(project, option, message, hint):
    with pytest.raises(ConfigError) as caught:
        project.load(SLURM, option)

    assert caught.value.message == message
    assert (hint or "") in (caught.value.hint or "")
