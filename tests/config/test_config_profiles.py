"""Profiles: kinds, nested tables, `extends`, and every way to get one wrong."""

from __future__ import annotations

import pytest

from nemorun_discover.config.resolve import ExecutorChoice, executor_names, resolve_executor
from nemorun_discover.config.validate import validate_all
from nemorun_discover.errors import ConfigError
from nemorun_discover.executors.docker import DockerExecutor
from nemorun_discover.executors.launchers import Torchrun
from nemorun_discover.executors.local import LocalExecutor
from nemorun_discover.executors.packagers import (
    GitArchivePackager,
    HybridPackager,
    PatternPackager,
)
from nemorun_discover.executors.skypilot import SkypilotExecutor, SkypilotJobsExecutor
from nemorun_discover.executors.slurm import SlurmExecutor, SlurmJobDetails
from nemorun_discover.executors.tunnels import SSHTunnel


def resolved(config, name="a"):
    return resolve_executor(name, config=config, factories=())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            (
                '[profiles.a]\nkind = "local"\nmax_parallel = 2\nenv_vars = { A = "1" }\ntimeout = "30m"\n'
                'gpus = ["0"]\ngrace_s = 1\nsecrets = ["HF_TOKEN"]\n'
            ),
            LocalExecutor(
                max_parallel=2,
                env_vars={"A": "1"},
                timeout="30m",
                gpus=["0"],
                grace_s=1.0,
                secrets=["HF_TOKEN"],
            ),
        ),
        (
            (
                '[profiles.a]\nkind = "docker"\ncontainer_image = "python:3.12"\nnum_gpus = -1\n'
                'volumes = ["/a:/b"]\n[profiles.a.healthcheck]\ntest = ["CMD", "x"]\nretries = 2\n'
            ),
            DockerExecutor(
                container_image="python:3.12",
                num_gpus=-1,
                volumes=["/a:/b"],
                healthcheck={"test": ["CMD", "x"], "retries": 2},
            ),
        ),
        (
            (
                '[profiles.a]\nkind = "slurm"\naccount = "x"\ntime = "1-00:00:00"\nexclusive = true\n'
                'tunnel = { kind = "ssh", host = "h", port = 22, host_keys = "accept-new" }\n'
                'packager = "git"\nlauncher = "torchrun"\njob_details = { folder = "/logs" }\n'
                '[profiles.a.additional_parameters]\n"mail-type" = "END"\n'
            ),
            SlurmExecutor(
                account="x",
                time="1-00:00:00",
                exclusive=True,
                tunnel=SSHTunnel(host="h", port=22, host_keys="accept-new"),
                packager=GitArchivePackager(),
                launcher=Torchrun(),
                job_details=SlurmJobDetails(folder="/logs"),
                additional_parameters={"mail-type": "END"},
            ),
        ),
        (
            (
                '[profiles.a]\nkind = "skypilot"\ngpus = "A100"\nnum_nodes = 2\ncloud = ["aws", "gcp"]\n'
                "[profiles.a.storage_mounts]\n'/data' = { name = 'b', mode = 'COPY' }\n"
            ),
            SkypilotExecutor(
                gpus="A100",
                nodes=2,
                cloud=["aws", "gcp"],
                storage_mounts={"/data": {"name": "b", "mode": "COPY"}},
            ),
        ),
        (
            (
                '[profiles.a]\nkind = "skypilot_jobs"\nuse_spot = true\n'
                '[profiles.a.packager]\nkind = "hybrid"\n'
                '[profiles.a.packager.sub_packagers]\ncode = "git"\n'
                'data = { kind = "pattern", include_pattern = "d/**" }\n'
            ),
            SkypilotJobsExecutor(
                use_spot=True,
                packager=HybridPackager(
                    sub_packagers={
                        "code": GitArchivePackager(),
                        "data": PatternPackager(include_pattern="d/**"),
                    }
                ),
            ),
        ),
    ],
    ids=["local", "docker", "slurm", "skypilot", "skypilot-jobs"],
)
def test_a_profile_becomes_the_executor_of_its_kind(project, text, expected):
    config = project.load(text)

    assert resolved(config) == expected
    assert validate_all(config) == []


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        (
            'kind = "slrum"',
            "[profiles.a] kind: no kind of executor is called 'slrum'",
            "mean slurm?",
        ),
        ("kind = 3", "[profiles.a] kind: no kind of executor is called 3", "the kinds are"),
        ("nodes = 1", "[profiles.a] kind: missing; expected one of local, docker", "factory ="),
        ('kind = "slurm"\nnodess = 1', "[profiles.a] nodess: unknown key", "did you mean nodes?"),
        (
            'kind = "slurm"\nnodes = "4"',
            "[profiles.a] nodes: expected an integer, found the text '4'",
            "write it without quotes",
        ),
        (
            'kind = "slurm"\nnodes = "four"',
            "[profiles.a] nodes: expected an integer, found the text 'four'",
            None,
        ),
        (
            'kind = "slurm"\nnodes = true',
            "[profiles.a] nodes: expected an integer, found true",
            None,
        ),
        (
            'kind = "slurm"\nnodes = 0',
            "[profiles.a] nodes: expected at least 1, found 0",
            None,
        ),
        (
            'kind = "slurm"\ntime = 00:30:00',
            "[profiles.a] time: expected text, found the time 00:30:00",
            "put it in quotes",
        ),
        (
            'kind = "slurm"\ncontainer_mounts = "a:b"',
            "[profiles.a] container_mounts: expected a list of texts, found the text 'a:b'",
            "put it in brackets: [...]",
        ),
        (
            'kind = "slurm"\ncontainer_mounts = [1]',
            "[profiles.a] container_mounts: expected a list of texts, found a list",
            None,
        ),
        (
            'kind = "slurm"\nopen_mode = "w"',
            "[profiles.a] open_mode: expected one of 'append', 'truncate', found the text 'w'",
            None,
        ),
        (
            'kind = "slurm"\nnodes = { a = 1 }',
            "[profiles.a] nodes: expected an integer, found a table",
            None,
        ),
        (
            'kind = "slurm"\nenv_vars = "x"',
            "[profiles.a] env_vars: expected a table of texts, found the text 'x'",
            None,
        ),
        (
            'kind = "slurm"\nenv_vars = { N = 1 }',
            "[profiles.a.env_vars] N: expected text, found the integer 1",
            "put it in quotes",
        ),
        (
            'kind = "slurm"\nenv_vars = { "A=B" = "1" }',
            "[profiles.a] env_vars: 'A=B' cannot be the name of an environment variable",
            None,
        ),
        (
            'kind = "slurm"\nenv_vars = { MY_TOKEN = 12345 }',
            "[profiles.a.env_vars] MY_TOKEN: expected text, found the integer",
            "put it in quotes",
        ),
        (
            'kind = "slurm"\nadditional_parameters = { a = 2020-01-01 }',
            (
                "[profiles.a.additional_parameters] a: expected text, a number, a list or a table,"
                " found the date 2020-01-01"
            ),
            "put it in quotes",
        ),
        (
            'kind = "slurm"\ntimeout = "soon"',
            "[profiles.a] timeout: 'soon' is not a duration",
            "30m",
        ),
        ('kind = "slurm"\ntimeout = 0', "[profiles.a] timeout: expected more than 0 seconds", None),
        ('kind = "slurm"\ntimeout = inf', "[profiles.a] timeout: inf is no value", None),
        (
            'kind = "slurm"\ntunnel = "shh"',
            "[profiles.a.tunnel] kind: no kind of tunnel is called 'shh'",
            "did you mean ssh?",
        ),
        (
            'kind = "slurm"\ntunnel = "ssh"',
            "[profiles.a.tunnel] host: missing; expected text",
            None,
        ),
        (
            'kind = "slurm"\ntunnel = { host = "h" }',
            "[profiles.a.tunnel] kind: missing; expected one of local, ssh",
            None,
        ),
        (
            'kind = "slurm"\ntunnel = { kind = "ssh", host = "h", prot = 1 }',
            "[profiles.a.tunnel] prot: unknown key",
            "did you mean port?",
        ),
        (
            'kind = "slurm"\n[profiles.a.packager]\nkind = "hybrid"\nsub_packagers = { x = "gti" }',
            "no kind of packager is called 'gti'",
            "did you mean git?",
        ),
        ('kind = "docker"', "[profiles.a] container_image: missing; expected text", None),
        (
            'kind = "skypilot"\nnodes = 1\nnum_nodes = 2',
            "[profiles.a] num_nodes: given twice, as nodes too",
            None,
        ),
        (
            'kind = "local"\nfactory = "f"',
            "[profiles.a] kind: a profile has a kind or a factory, not both",
            "remove one",
        ),
        (
            'kind = "local"\ntunnel = "ssh"',
            "[profiles.a] tunnel: unknown key",
            "a local executor knows: packager, launcher",
        ),
    ],
    ids=lambda value: None if value is None else value.replace("\n", " ")[:40],
)
def test_a_profile_that_is_wrong_is_refused_with_its_place(project, text, message, hint):
    config = project.load(f"[profiles.a]\n{text}\n")

    with pytest.raises(ConfigError) as caught:
        resolved(config)

    assert message in caught.value.message
    assert caught.value.message.startswith("nemorun.toml: ")
    assert (hint or "") in (caught.value.hint or "")
    assert caught.value.message in [problem.message for problem in validate_all(config)]


def test_every_profile_is_checked_at_once_and_each_mistake_named_once(project):
    config = project.load(
        """
        [profiles._base]
        kind = "slurm"
        nodess = 1
        tunnel = "ssh"
        [profiles.a]
        extends = "_base"
        tunnel.host = "h"
        time = 3
        [profiles.b]
        kind = "docker"
        [profiles.c]
        kind = "local"
        """
    )

    assert [problem.message for problem in validate_all(config)] == [
        "nemorun.toml: [profiles._base] nodess: unknown key",
        "nemorun.toml: [profiles.a] time: expected text, found the integer 3",
        "nemorun.toml: [profiles.b] container_image: missing; expected text",
    ]


def test_a_wrong_profile_does_not_disturb_the_use_of_another(project):
    config = project.load('[profiles.a]\nkind = "local"\n[profiles.b]\nkind = "x"\nnodes = []\n')

    assert resolved(config) == LocalExecutor()
    assert [one.name for one in executor_names(config, ())] == ["local", "a", "b"]


def test_extends_merges_tables_key_by_key_and_the_later_base_wins(project):
    config = project.load(
        """
        [profiles._slurm]
        kind = "slurm"
        time = "1"
        env_vars = { A = "base", B = "base" }
        tunnel = "ssh"
        [profiles._big]
        nodes = 8
        time = "2"
        [profiles.a]
        extends = ["_slurm", "_big"]
        env_vars = { B = "own" }
        container_mounts = ["x:y"]
        [profiles.a.tunnel]
        host = "login"
        """
    )

    executor = resolved(config)

    assert (executor.nodes, executor.time) == (8, "2")
    assert executor.env_vars == {"A": "base", "B": "own"}
    assert executor.tunnel == SSHTunnel(host="login")


def test_a_nested_table_of_another_kind_replaces_the_one_below(project):
    config = project.load(
        """
        [profiles._base]
        kind = "slurm"
        packager = { kind = "pattern", include_pattern = "src/**" }
        [profiles.a]
        extends = "_base"
        packager = { kind = "git", subpath = "src" }
        """
    )

    assert resolved(config).packager == GitArchivePackager(subpath="src")


def test_profiles_can_be_extended_over_several_steps(project):
    config = project.load(
        """
        [profiles.a]
        extends = "b"
        retries = 3
        [profiles.b]
        extends = "local"
        retries = 2
        max_parallel = 2
        """
    )

    assert resolved(config) == LocalExecutor(retries=3, max_parallel=2)


def test_a_circle_of_profiles_is_drawn(project):
    config = project.load(
        '[profiles.a]\nextends = "b"\n[profiles.b]\nextends = ["c"]\n[profiles.c]\nextends = "a"\n'
    )

    with pytest.raises(ConfigError, match=r"\[profiles\.c\] extends: .*a -> b -> c -> a$"):
        resolved(config)


def test_a_profile_that_extends_itself_is_a_circle(project):
    with pytest.raises(ConfigError, match=r"in a circle: a -> a$"):
        resolved(project.load('[profiles.a]\nextends = "a"\n'))


@pytest.mark.parametrize(
    ("extends", "message", "hint"),
    [
        ('"_bass"', "there is no profile '_bass'", "did you mean _base?"),
        ("3", "expected text or a list of texts, found the integer 3", "put it in quotes"),
        ("{ a = 1 }", "expected text or a list of texts, found a table", None),
    ],
    ids=["unknown", "number", "table"],
)
def test_what_cannot_be_extended_is_refused(project, extends, message, hint):
    config = project.load(f"[profiles._base]\n[profiles.a]\nextends = {extends}\n")

    with pytest.raises(ConfigError) as caught:
        resolved(config)

    assert caught.value.message == f"nemorun.toml: [profiles.a] extends: {message}"
    assert caught.value.hint == hint


def test_a_template_can_be_extended_but_not_run_on(project):
    config = project.load('[profiles._base]\nkind = "local"\n[profiles.a]\nextends = "_base"\n')

    with pytest.raises(ConfigError, match="the profile _base is a template"):
        resolved(config, "_base")

    assert [one.name for one in executor_names(config, ())] == ["local", "a"]
    assert resolved(config) == LocalExecutor()


def test_local_is_always_there_and_can_be_changed_without_naming_its_kind(project):
    assert resolved(project.load(""), "local") == LocalExecutor()

    config = project.load("[profiles.local]\nmax_parallel = 2\n")

    assert resolved(config, "local") == LocalExecutor(max_parallel=2)
    assert executor_names(config, ()) == [
        ExecutorChoice(name="local", kind="local", source="profile", file="nemorun.toml")
    ]


def test_local_can_be_made_another_kind(project):
    config = project.load('[profiles.local]\nkind = "docker"\ncontainer_image = "i"\n')

    assert resolved(config, "local") == DockerExecutor(container_image="i")


def test_an_unknown_executor_is_refused_with_the_nearest_name(project):
    config = project.load('[profiles.slurm_a]\nkind = "slurm"\n')

    with pytest.raises(ConfigError, match=r"^there is no executor 'slurma'$") as caught:
        resolved(config, "slurma")

    assert caught.value.hint == "did you mean slurm_a?"


def test_two_resolutions_share_nothing(project):
    config = project.load('[profiles.a]\nkind = "local"\nenv_vars = { A = "1" }\n')

    resolved(config).env_vars["A"] = "changed"

    assert resolved(config).env_vars == {"A": "1"}


def test_the_built_in_executor_is_listed_as_such(project):
    assert executor_names(project.load(""), ()) == [
        ExecutorChoice(name="local", kind="local", source="built-in", file="")
    ]
