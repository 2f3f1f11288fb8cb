"""Logging in over a connection that stands: the host's key, then the user's keys, then what has to be asked."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING

from paramiko import AuthenticationException, BadAuthenticationType, SSHException

from nemorun_discover.errors import ConnectionLost, ExecutorRefused, LoginNeeded
from nemorun_discover.transport.known_hosts import (
    add_entry,
    entries_of,
    fingerprint,
    hashed,
    host_name,
    read_known_hosts,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from paramiko import Transport

    from nemorun_discover.transport.known_hosts import Entry
    from nemorun_discover.transport.ssh_config import Hop
    from nemorun_discover.transport.ssh_keys import Keyring
    from nemorun_discover.transport.tunnel import Ask, Prompts

_HUMAN_S = 120.0  # sshd's LoginGraceTime


def known_entries(hop: Hop) -> list[Entry]:
    """What known_hosts says of this host."""
    entries = read_known_hosts(hop.known_hosts)
    if hop.known_as is not None:
        return entries_of(entries, hop.known_as, 22)
    return entries_of(entries, hop.host, hop.port)


def check_host_key(hop: Hop, known: Sequence[Entry], kind: str, key: bytes) -> None:
    """Hold a host's key against what is known of it.

    Args:
        hop: The host.
        known: `known_entries` of it.
        kind: `ssh-ed25519` and the like.
        key: The public key that it showed.

    Raises:
        ExecutorRefused: It is not known, or it is another one.
    """
    name = hop.known_as or host_name(hop.host, hop.port)
    file = hop.known_hosts[0]
    shown = f"{kind} {fingerprint(key)}"
    revoked = [one for one in known if one.marker == "@revoked" and one.key == key]
    if revoked:
        raise ExecutorRefused(f"{hop.name}: its host key {shown} is revoked by {revoked[0].place}")
    plain = [one for one in known if not one.marker]
    if any(one.key == key for one in plain):
        return
    if plain:
        other = next((one for one in plain if one.kind == kind), plain[0])
        raise ExecutorRefused(
            f"{hop.name}: its host key is {shown}, and {other.place} has another one: "
            "the host was set up anew, or somebody stands in between",
            hint=f"if it was set up anew: ssh-keygen -R '{name}' -f {other.place.rpartition(':')[0]}",
        )
    if not hop.accepts_new:
        port = "" if hop.port == 22 else f"-p {hop.port} "  # noqa: PLR2004 - ssh's own
        raise ExecutorRefused(
            f"{hop.name}: its host key {shown} is not in {file}",
            hint=f'compare it, then: ssh-keyscan {port}{hop.host} >> {file}; or set host_keys = "accept-new"',
        )
    try:
        add_entry(file, hashed(name) if hop.hashes else name, kind, key)
    except OSError as error:
        raise ExecutorRefused(
            f"{hop.name}: its host key cannot be added to {file}: {error.strerror}"
        ) from error


def authenticate(transport: Transport, hop: Hop, keyring: Keyring) -> None:
    """Log in.

    Raises:
        LoginNeeded: Somebody has to be asked, and nobody is there.
        ExecutorRefused: The host refused the user.
        ConnectionLost: The connection broke.
    """
    _Login(transport, hop, keyring).log_in()


class _Login:
    """One login, over one or several of the ways that the host offers."""

    def __init__(self, transport: Transport, hop: Hop, keyring: Keyring) -> None:
        self._transport = transport
        self._hop = hop
        self._keyring = keyring
        self._offered: list[str] = []
        self._ways: list[str] | None = None

    def log_in(self) -> None:
        if self._with_keys():
            return
        if self._ways is None:
            self._try(partial(self._transport.auth_none, self._hop.user))
        for way, step in (
            ("keyboard-interactive", self._interactively),
            ("password", self._with_password),
        ):
            if way in (self._ways or ()):
                self._transport.auth_timeout = _HUMAN_S
                if step():
                    return
                break
        raise self._refused()

    def _with_keys(self) -> bool:
        for name, key in self._keyring.candidates(self._hop):
            self._offered.append(name)
            if self._try(partial(self._transport.auth_publickey, self._hop.user, key)):
                return True
            if self._ways is not None:
                return False
        return False

    def _interactively(self) -> bool:
        """Let the host ask. The questions come to this thread: only the main one hears Ctrl-C at a prompt."""
        questions: SimpleQueue[tuple[str, Prompts] | None] = SimpleQueue()
        answers: SimpleQueue[Sequence[str] | None] = SimpleQueue()

        def answer(title: str, instructions: str, prompts: Prompts) -> Sequence[str]:
            if not prompts:
                return []
            words = " ".join(word.strip() for word in (title, instructions) if word.strip())
            questions.put((f"{self._hop.name}: {words}" if words else self._hop.name, prompts))
            given = answers.get()
            if given is None:
                raise SSHException("the user gave up")  # ends the connection
            return given

        way = partial(self._transport.auth_interactive, self._hop.user, answer)
        with ThreadPoolExecutor(1) as aside:
            login = aside.submit(self._try, way)
            login.add_done_callback(lambda _: questions.put(None))
            try:
                while (question := questions.get()) is not None:
                    answers.put(self._ask(*question))
            finally:
                answers.put(None)  # somebody waits for it when the user gave up
        return login.result()

    def _with_password(self) -> bool:
        (password,) = self._ask(self._hop.name, [(f"Password of {self._hop.name}: ", False)])
        way = partial(self._transport.auth_password, self._hop.user, password, fallback=False)
        return self._try(way)

    def _try(self, way: Callable[[], list[str]]) -> bool:
        """Go one way; True when that was all. Else `_ways` may say what else the host would take."""
        try:
            self._ways = way() or None
        except BadAuthenticationType as error:
            self._ways = error.allowed_types
        except AuthenticationException as error:
            if not self._transport.is_active():
                raise self._cut_off() from error
        except (SSHException, EOFError, OSError) as error:
            raise self._cut_off() from error
        return bool(self._transport.is_authenticated())

    def _ask(self, title: str, prompts: Prompts) -> Sequence[str]:
        ask: Ask | None = self._keyring.ask
        answers = None if ask is None else ask(title, prompts)
        if answers is None:
            wanted = ", ".join(prompt.strip().rstrip(":") for prompt, _ in prompts)
            raise LoginNeeded(
                f"{self._hop.name}: the login asks for {wanted}, and nobody is there to answer",
                hint=f"run the command in a terminal, or keep a login open for it (docs/ssh.md): ssh -fNM {self._hop.alias}",
            )
        return answers

    def _cut_off(self) -> ExecutorRefused:
        if len(self._offered) > 1:
            return ExecutorRefused(
                f"{self._hop.name}: the host ended the login after {len(self._offered)} keys",
                hint="name the right one: identity of the tunnel, or IdentityFile and IdentitiesOnly in ~/.ssh/config",
            )
        return ConnectionLost(f"{self._hop.name}: the connection broke during the login")

    def _refused(self) -> ExecutorRefused:
        keys = ", ".join(self._offered)
        offered = f"the keys offered were {keys}" if keys else "there was no key to offer"
        takes = f" and it takes {', '.join(self._ways)}" if self._ways else ""
        return ExecutorRefused(
            f"{self._hop.name}: the host refused the login; {offered}{takes}",
            hint="check user and identity of the tunnel; ssh -v shows what ssh itself would offer",
        )
