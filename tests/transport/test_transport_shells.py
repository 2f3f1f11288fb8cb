"""Whatever the login shell is, and whatever it prints, the script's own answer comes back."""

from __future__ import annotations

import pytest

from nemorun_discover.errors import ExecutorRefused
from nemorun_discover.executors.tunnels import SSHTunnel
from tests.transport.conftest import person

TIMEOUT_S = 30

# Whatever one shell or another might take for its own.
AWKWARD = r"""
a='!bang $HOME `x` \n'; printf '%s|' "$a" "two  words" 'qu"ote' "don't" "a;b" "é" *.nosuch
printf '\n'; cat; exit 4
"""
ITS_OUTPUT = "!bang $HOME `x` \\n|two  words|qu\"ote|don't|a;b|é|*.nosuch|\nfed\n".encode()

SHELLS = {
    "bash": "/bin/bash",
    "sh": "/bin/sh",
    "tcsh": "/bin/tcsh",
    "fish": "/usr/bin/fish",
}
NOISES = {
    "banner": "echo 'Welcome to the cluster!'; echo",
    "unfinished": "printf 'Welcome, no newline'",
    "errors": "echo 'stty: not a tty' >&2; printf 'half a line' >&2",
    "many": "i=0; while [ $i -lt 2000 ]; do echo 'MOTD line of some length to read'; i=$((i+1)); done",
    "brackets": "printf '\\033]0;title\\007\\033[1m'",
}


@pytest.fixture
def login_as(client, server, machine, key):
    """A tunnel to a user with this login shell."""
    client.knows(server)

    def open_it(what, login_shell, **more):
        name = person(machine, key, what, login_shell)
        settings = SSHTunnel(
            host="127.0.0.1", port=server.port, user=name, identity=str(key), **more
        )
        return client.open(settings)

    return open_it


@pytest.mark.parametrize("shell", SHELLS)
def test_a_script_is_read_by_sh_whatever_the_login_shell(login_as, shell):
    answer = login_as(shell, SHELLS[shell]).run(AWKWARD, b"fed\n", timeout_s=TIMEOUT_S)

    assert (answer.code, answer.output, answer.stderr) == (4, ITS_OUTPUT, b"")


@pytest.mark.parametrize("noise", NOISES)
def test_what_a_login_shell_prints_is_no_part_of_the_answer(login_as, machine, noise):
    shell = machine.shell(noise, f'{NOISES[noise]}\nexec /bin/sh "$@"')

    answer = login_as(noise, shell).run(AWKWARD, b"fed\n", timeout_s=TIMEOUT_S)

    assert (answer.code, answer.output, answer.stderr) == (4, ITS_OUTPUT, b"")


def test_what_a_startup_file_prints_is_no_part_of_the_answer(login_as, machine, key):
    name = person(machine, key, "rc", "/bin/bash")
    (machine.home(name) / ".bashrc").write_text("echo noise; printf more; echo bad >&2\n")

    answer = login_as("rc", "/bin/bash").run("echo mine; echo own >&2", timeout_s=TIMEOUT_S)

    assert (answer.output, answer.stderr) == (b"mine\n", b"own\n")


@pytest.mark.parametrize(
    ("shell", "said"),
    [
        ("/bin/true", "it printed nothing and ended with exit code 0"),
        ("/usr/sbin/nologin", "it printed 'This account is currently not available.'"),
    ],
    ids=["true", "nologin"],
)
def test_a_login_shell_that_runs_nothing_is_named_with_what_it_said(login_as, shell, said):
    tunnel = login_as(shell.rpartition("/")[2], shell)

    with pytest.raises(ExecutorRefused, match="the login shell ran no command") as caught:
        tunnel.run("echo", b"x" * 5_000_000, timeout_s=TIMEOUT_S)

    assert said in caught.value.message
    assert not caught.value.is_passing


def test_a_login_shell_that_never_ends_is_given_up(login_as, machine):
    tunnel = login_as("asleep", machine.shell("asleep", "exec sleep 60"))

    with pytest.raises(ExecutorRefused, match="no answer for 1 s"):
        tunnel.run("echo", timeout_s=1)


def test_commands_run_below_the_shell_and_after_the_code_that_are_named(login_as, machine, key):
    name = person(machine, key, "below", "/bin/tcsh")
    (machine.home(name) / ".bash_profile").write_text("echo loud; export FROM_PROFILE=yes\n")
    tunnel = login_as(
        "below",
        "/bin/tcsh",
        shell="bash -l",
        pre_command="module() { export M=\"it's $1\"; }; module 'slurm';",
    )

    answer = tunnel.run('echo "$FROM_PROFILE $M"; cat', b"fed", timeout_s=TIMEOUT_S)
    remote = tunnel.start("echo ${M:0:4}")
    lines = b"".join(iter(lambda: remote.read(100, TIMEOUT_S), b""))
    remote.close()

    assert answer.output == b"yes it's slurm\nfed"
    assert lines.splitlines()[-1] == b"it's"


def test_code_before_every_command_needs_no_shell_of_its_own(login_as):
    tunnel = login_as("tcsh", "/bin/tcsh", pre_command="setenv FROM_CSH yes")

    assert tunnel.run("echo $FROM_CSH", timeout_s=TIMEOUT_S).output == b"yes\n"
    remote = tunnel.start("echo $FROM_CSH")
    assert remote.read(10, TIMEOUT_S) == b"yes\n"
    remote.close()


def test_code_before_every_command_that_fails_is_told(login_as):
    tunnel = login_as("bash", "/bin/bash", pre_command="module load slurm")

    with pytest.raises(ExecutorRefused, match="module: command not found"):
        tunnel.run("echo", timeout_s=TIMEOUT_S)
