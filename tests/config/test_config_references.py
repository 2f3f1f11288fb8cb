"""`${env:VAR}` in a configuration."""

from __future__ import annotations

import pytest

from nemorun_discover.config.resolve import executor_names, resolve_executor
from nemorun_discover.config.validate import validate_all
from nemorun_discover.errors import ConfigError


def profile(project, line, **env):
    config = project.load(f'[profiles.a]\nkind = "slurm"\n{line}\n', **env)
    return resolve_executor("a", config=config, factories=())


@pytest.mark.parametrize(
    ("line", "env", "field", "value"),
    [
        ('account = "${env:X}"', {"X": "acc"}, "account", "acc"),
        ('account = "${env:X}"', {"X": "007"}, "account", "007"),
        ('account = "${env:X}"', {"X": ""}, "account", ""),
        ('account = "a-${env:X}-${env:Y}"', {"X": "1", "Y": "2"}, "account", "a-1-2"),
        ('account = "${env:X:-other}"', {}, "account", "other"),
        ('account = "${env:X:-other}"', {"X": ""}, "account", "other"),
        ('account = "${env:X:-}"', {}, "account", ""),
        ('account = "${env:X:-a b:-c}"', {}, "account", "a b:-c"),
        ('nodes = "${env:X}"', {"X": "4"}, "nodes", 4),
        ('nodes = "${env:X:-2}"', {}, "nodes", 2),
        ('monitor_group_job = "${env:X}"', {"X": "false"}, "monitor_group_job", False),
        ('wait_time_for_group_job = "${env:X}"', {"X": "1.5"}, "wait_time_for_group_job", 1.5),
        ('timeout = "${env:X}"', {"X": "90s"}, "timeout", "90s"),
        (
            'container_mounts = ["${env:X}:/x", "b"]',
            {"X": "/a"},
            "container_mounts",
            ["/a:/x", "b"],
        ),
        ('het_group_indices = ["${env:X}", 1]', {"X": "0"}, "het_group_indices", [0, 1]),
        ('env_vars = { A = "${env:X}" }', {"X": "$HOME;'\"\n"}, "env_vars", {"A": "$HOME;'\"\n"}),
        ('setup_lines = "$${env:X} ${X} $$"', {"X": "no"}, "setup_lines", "${env:X} ${X} $$"),
        ('account = "${env:X}"', {"X": "${env:Y}"}, "account", "${env:Y}"),
    ],
    ids=[
        "whole",
        "text-stays-text",
        "empty-is-set",
        "inside-text",
        "default",
        "default-for-empty",
        "empty-default",
        "default-with-signs",
        "integer",
        "default-integer",
        "boolean",
        "float",
        "duration",
        "list",
        "list-of-integers",
        "table",
        "escaped",
        "not-twice",
    ],
)
def test_a_reference_becomes_what_the_field_wants(project, line, env, field, value):
    assert getattr(profile(project, line, **env), field) == value


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            'account = "${env:MY_ACC}"',
            "nemorun.toml: [profiles.a] account: the environment variable MY_ACC is not set",
        ),
        (
            'env_vars = { A = "${env:MY_ACC}" }',
            "nemorun.toml: [profiles.a.env_vars] A: the environment variable MY_ACC is not set",
        ),
        (
            'tunnel = { kind = "ssh", host = "${env:MY_ACC}" }',
            "nemorun.toml: [profiles.a.tunnel] host: the environment variable MY_ACC is not set",
        ),
        (
            'account = "${env:1X}"',
            "nemorun.toml: [profiles.a] account: ${env:1X} is not a reference to a variable",
        ),
        (
            'account = "${env:X-y}"',
            "nemorun.toml: [profiles.a] account: ${env:X-y} is not a reference to a variable",
        ),
        (
            'account = "${env:X"',
            "nemorun.toml: [profiles.a] account: ${env:X is not a reference to a variable",
        ),
    ],
    ids=["unset", "unset-in-table", "unset-in-tunnel", "digit", "no-colon", "open"],
)
def test_a_reference_that_leads_nowhere_is_refused_with_its_place(project, line, message):
    with pytest.raises(ConfigError) as caught:
        profile(project, line)

    assert caught.value.message == message


def test_a_value_of_the_wrong_type_names_the_reference(project):
    with pytest.raises(ConfigError) as caught:
        profile(project, 'nodes = "${env:X}"', X="four")

    assert caught.value.message == (
        "nemorun.toml: [profiles.a] nodes: expected an integer, found the text 'four' (from ${env:X})"
    )


def test_a_secret_of_the_wrong_type_is_not_shown(project):
    with pytest.raises(ConfigError) as caught:
        profile(project, 'nodes = "${env:API_KEY}"', API_KEY="hunter2")

    assert "hunter2" not in caught.value.message


def test_an_unset_variable_matters_only_to_the_profile_that_is_used(project):
    config = project.load(
        """
        [profiles.a]
        kind = "slurm"
        account = "${env:UNSET}"
        tunnel = "${env:UNSET}"
        [profiles.b]
        kind = "${env:UNSET}"
        [profiles.c]
        kind = "local"
        """
    )

    assert [one.name for one in executor_names(config, ())] == ["local", "a", "b", "c"]
    assert validate_all(config) == []
    assert resolve_executor("c", config=config, factories=()).kind == "local"


def test_a_kind_can_come_from_the_environment(project):
    config = project.load('[profiles.a]\nkind = "${env:KIND}"\nretries = 1\n', KIND="local")

    executor = resolve_executor("a", config=config, factories=())

    assert (executor.kind, executor.retries) == ("local", 1)


def test_the_environment_to_resolve_from_can_be_given(project):
    config = project.load('[profiles.a]\nkind = "local"\nretries = "${env:X}"\n', X="1")

    executor = resolve_executor("a", config=config, factories=(), env={"X": "2"})

    assert executor.retries == 2
