"""Which names promise a secret."""

from __future__ import annotations

import pytest

from nemorun_discover.secrets import is_secret_name, masked


@pytest.mark.parametrize(
    "name",
    [
        "WANDB_API_KEY",
        "apiKey",
        "APIKEY",
        "key",
        "HF_TOKEN",
        "hf-token",
        "GithubToken",
        "AUTHTOKEN",
        "client_secret",
        "MY_SECRETS",
        "password",
        "PGPASSWORD",
        "db_passwd",
        "SSH_PASSPHRASE",
        "aws.credentials",
        "BASIC_AUTH",
        "OAuth",
        "AWS_SECRET_ACCESS_KEY",
    ],
    ids=str,
)
def test_a_secrets_name_is_recognised(name):
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "monkey",
        "author",
        "tokenizer",
        "max_tokens",
        "keyboard",
        "secrets",
        "host_keys",
        "lr",
        "",
        "é",
    ],
    ids=str,
)
def test_a_harmless_name_is_left_alone(name):
    assert not is_secret_name(name)


def test_masking_walks_tables_and_lists_and_changes_nothing_in_place():
    value = {
        "env_vars": {"HF_TOKEN": "abc", "LR": "1"},
        "parts": [{"password": "x", "name": "n"}],
        "auth": {"user": "u"},
        "token": None,
        "secrets": ["HF_TOKEN"],
    }

    hidden = masked(value)

    assert hidden == {
        "env_vars": {"HF_TOKEN": "***", "LR": "1"},
        "parts": [{"password": "***", "name": "n"}],
        "auth": "***",
        "token": None,
        "secrets": ["HF_TOKEN"],
    }
    assert value["env_vars"]["HF_TOKEN"] == "abc"
