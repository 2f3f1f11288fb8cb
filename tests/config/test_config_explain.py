"""Each setting, and where it was written."""

from __future__ import annotations

import json

from nemorun_discover.config.explain import explain
from nemorun_discover.config.fields import fields_of
from nemorun_discover.executors.local import LocalExecutor
from nemorun_discover.executors.slurm import SlurmExecutor
from nemorun_discover.executors.tunnels import SSHTunnel


def explained(config, **options):
    return {one.key: (one.value, one.origin) for one in explain(config, **options)}


def test_every_value_names_the_file_and_table_it_came_from(project, user_file):
    user_file.write_text('[profiles.a]\nkind = "slurm"\naccount = "mine"\n')
    config = project.load(
        """
        [project]
        name = "demo"
        [profiles._base]
        time = "1"
        qos = "q"
        [profiles.a]
        extends = "_base"
        qos = "own"
        [profiles.a.tunnel]
        kind = "ssh"
        host = "h"
        [tasks.x]
        command = ["c"]
        params = { lr = 0.1 }
        """,
        "profiles.a.nodes=2",
        NEMORUN_PROFILES__A__PARTITION="batch",
    )

    found = explained(config)

    assert found["project.name"] == ("demo", "nemorun.toml [project]")
    assert found["project.paths"] == (["."], "default")
    assert found["profiles.a.account"] == ("mine", "~/.config/nemorun/config.toml [profiles.a]")
    assert found["profiles.a.time"] == ("1", "nemorun.toml [profiles._base] via extends")
    assert found["profiles.a.qos"] == ("own", "nemorun.toml [profiles.a]")
    assert found["profiles.a.tunnel.host"] == ("h", "nemorun.toml [profiles.a.tunnel]")
    assert found["profiles.a.nodes"] == (2, "-o")
    assert found["profiles.a.partition"] == ("batch", "environment NEMORUN_PROFILES__A__PARTITION")
    assert found["profiles.a.packager"] == ("git", "default")
    assert found["profiles.local.kind"] == ("local", "default")
    assert found["tasks.x.params.lr"] == (0.1, "nemorun.toml [tasks.x.params]")


def test_every_field_of_a_kind_is_there_with_its_default(project):
    config = project.load('[profiles.a]\nkind = "slurm"\ntunnel = { kind = "ssh", host = "h" }\n')

    keys = set(explained(config))

    expected = {f"profiles.a.{name}" for name in fields_of(SlurmExecutor)} - {"profiles.a.tunnel"}
    expected |= {f"profiles.a.tunnel.{name}" for name in fields_of(SSHTunnel)}
    expected |= {f"profiles.local.{name}" for name in fields_of(LocalExecutor)}
    assert expected <= keys


def test_defaults_can_be_left_out(project):
    config = project.load('[profiles.a]\nkind = "local"\nretries = 1\n')

    assert explained(config, with_defaults=False) == {
        "profiles.a.kind": ("local", "nemorun.toml [profiles.a]"),
        "profiles.a.retries": (1, "nemorun.toml [profiles.a]"),
    }


def test_references_are_resolved_and_stay_as_written_where_they_cannot_be(project):
    config = project.load(
        '[profiles.a]\nkind = "local"\npython = "${env:PY}/bin"\nretries = "${env:UNSET}"\n',
        PY="/x",
    )

    found = explained(config, with_defaults=False)

    assert found["profiles.a.python"][0] == "/x/bin"
    assert found["profiles.a.retries"][0] == "${env:UNSET}"


def test_no_secret_is_shown_whether_its_key_or_its_variable_tells(project):
    config = project.load(
        """
        [profiles.a]
        kind = "local"
        secrets = ["HF_TOKEN"]
        env_vars = { WANDB_API_KEY = "hunter2", A = "${env:MY_PASSWORD}", LR = "1" }
        [profiles.f]
        factory = "mk"
        auth = { user = "hunter2" }
        [tasks.x]
        command = ["c", "${env:MY_PASSWORD}"]
        params = { db_password = "hunter2" }
        """,
        MY_PASSWORD="hunter2",
    )

    found = explained(config)

    assert "hunter2" not in json.dumps(found)
    assert found["profiles.a.env_vars.WANDB_API_KEY"][0] == "***"
    assert found["profiles.a.secrets"][0] == ["HF_TOKEN"]
    assert found["profiles.a.env_vars.LR"][0] == "1"


def test_what_is_wrong_is_still_shown_as_it_is_written(project):
    config = project.load(
        '[profiles.a]\nkind = "slrum"\nnodess = 00:10:00\n[profiles.b]\nextends = "gone"\n'
    )

    found = explained(config, with_defaults=False)

    assert found["profiles.a.nodess"][0] == "00:10:00"
    assert found["profiles.b.extends"][0] == "gone"


def test_all_of_it_is_json(project):
    config = project.load('[profiles.a]\nkind = "slurm"\n[profiles.b]\nkind = "skypilot"\n')

    json.dumps([one.value for one in explain(config)], allow_nan=False)
