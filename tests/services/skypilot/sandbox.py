"""SkyPilot's own Slurm on this machine, and a home that knows it: started, and stopped without a trace."""

from __future__ import annotations

import importlib.util
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

from tests.services.mounts import unmount_below
from tests.services.packages import alone
from tests.services.skypilot import configuration as text

if TYPE_CHECKING:
    from collections.abc import Iterator

_HERE = Path(__file__).parent
_VENV = Path(sys.executable).parent
# Below what the kernel gives to outgoing connections.
_PORTS = range(20000, 32000)
_PATIENCE_S = 60
_SERVER_TRIES = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Sandbox:
    """A running Slurm and the home of somebody who uses it through SkyPilot."""

    folder: Path
    ports: text.Ports

    @property
    def home(self) -> Path:
        """HOME of whoever calls SkyPilot."""
        return self.folder / "home"

    @property
    def env(self) -> dict[str, str]:
        """Variables over the usual ones, for `nemorun` and `sky`."""
        return {
            "HOME": str(self.home),
            "SKYPILOT_API_SERVER_LOCAL_PORT": str(self.ports.api),
            "SKYPILOT_DISABLE_USAGE_COLLECTION": "1",
            "PYTHONPATH": str(self.folder / "plugin"),
            "PATH": f"{_VENV}:{os.environ['PATH']}",
        }

    @property
    def torch_python(self) -> Path:
        """A python3 that imports torch, for jobs: the one that runs the tests may lie in root's home."""
        return self.folder / "torch/python3"

    def sky(self, *words: str) -> str:
        """What the `sky` command prints."""
        done = subprocess.run(
            [_VENV / "sky", *words],
            env={**os.environ, **self.env},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        return done.stdout + done.stderr


@contextmanager
def running() -> Iterator[Sandbox]:
    """A sandbox, alone on this machine: SkyPilot's clusters of one user disturb each other."""
    with alone("skypilot"):
        folder = Path(tempfile.mkdtemp(prefix="nemorun-sky-"))
        folder.chmod(0o755)
        first, second, third, ssh, api = free_ports(5)
        ports = text.Ports(slurmctld=first, slurmd=(second, third), ssh=ssh, api=api)
        sandbox = Sandbox(folder=folder, ports=ports)
        probe = _answer_probes()
        try:
            _write(sandbox, probe.server_address[1])
            _start(sandbox)
            yield sandbox
        finally:
            _stop(sandbox)
            probe.shutdown()
            probe.server_close()


@contextmanager
def pretending(cloud: str, catalog: str) -> Iterator[Sandbox]:
    """An API server that takes a cloud for enabled, which nothing can be started on; there is no Slurm."""
    folder = Path(tempfile.mkdtemp(prefix="nemorun-sky-"))
    ports = text.Ports(slurmctld=0, slurmd=(0, 0), ssh=0, api=free_ports(1)[0])
    sandbox = Sandbox(folder=folder, ports=ports)
    (folder / "plugin").mkdir()
    (folder / "plugin/offline.py").write_text((_HERE / "offline.py").read_text())
    catalogs = sandbox.home / ".sky/catalogs/v8"
    (catalogs / cloud).mkdir(parents=True)
    (catalogs / "common").mkdir()
    (catalogs / cloud / "vms.csv").write_text(catalog)
    (catalogs / "common/accelerators.csv").write_text(
        "AcceleratorName,Clouds\nA10,\"['Lambda']\"\n"
    )
    plugins = f"plugins:\n  - class: offline.Offline\n    parameters:\n      clouds: [{cloud}]\n"
    (sandbox.home / ".sky/plugins.yaml").write_text(plugins)
    try:
        _start_server(sandbox)
        yield sandbox
    finally:
        _stop_server(sandbox)
        shutil.rmtree(folder, ignore_errors=True)


def _write(sandbox: Sandbox, probe: int) -> None:
    folder, ports = sandbox.folder, sandbox.ports
    for name in ("munge", "slurm", "ssh", "bin", "log", "pids", "user/.ssh", "plugin"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    catalogs = sandbox.home / ".sky/catalogs/v8/common"
    catalogs.mkdir(parents=True)
    (sandbox.home / ".slurm").mkdir()
    cache = Path(tempfile.gettempdir(), text.CACHE)
    cache.mkdir(exist_ok=True)
    key = folder / "munge/key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o400)
    host = socket.gethostname().partition(".")[0]
    plugins = f"plugins:\n  - class: offline.Offline\n    parameters:\n      probe: http://127.0.0.1:{probe}\n"
    files = {
        "slurm/slurm.conf": text.slurm_conf(folder, ports, host),
        "slurm/gres.conf": text.GRES_CONF,
        "ssh/config": text.sshd_config(folder, ports.ssh),
        "bin/uv-of-node": text.uv_wrapper(folder, cache),
        "bin/curl": text.curl_wrapper(folder),
        # Debian's /etc/profile sets PATH anew, and SkyPilot uses login shells.
        "user/.bash_profile": f"export PATH={folder}/bin:$PATH\n",
        "home/.slurm/config": text.slurm_hosts(folder, ports.ssh),
        "home/.sky/catalogs/v8/common/accelerators.csv": text.ACCELERATORS,
        # A part of the names that clusters have on a cloud; else it is the same for every user of a machine.
        "home/.sky/user_hash": os.urandom(4).hex(),
        "home/.sky/config.yaml": text.SKY_CONFIG,
        "home/.sky/plugins.yaml": plugins,
        "plugin/offline.py": (_HERE / "offline.py").read_text(),
    }
    for name, content in files.items():
        (folder / name).write_text(content)
    shutil.copy(_VENV / "uv", folder / "bin/uv.real")
    _write_torch_python(sandbox)
    for name in ("host", "client"):
        _call("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / "ssh" / name))
    shutil.copy(folder / "ssh/client.pub", folder / "user/.ssh/authorized_keys")
    for name in ("uv-of-node", "curl"):
        (folder / "bin" / name).chmod(0o755)


def _write_torch_python(sandbox: Sandbox) -> None:
    """A copy of the interpreter and links to what it imports would be 1 GB: both are mounted, read only."""
    place = sandbox.torch_python.parent
    spec = importlib.util.find_spec("torch")
    packages = Path(str(spec.origin)).parents[1] if spec else place
    for name, source in (("base", Path(sys.base_prefix)), ("packages", packages)):
        (place / name).mkdir(parents=True)
        _call("mount", "--bind", "-o", "ro", str(source), str(place / name))
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    sandbox.torch_python.write_text(text.torch_python(place, version))
    sandbox.torch_python.chmod(0o755)


def _start(sandbox: Sandbox) -> None:
    folder = sandbox.folder
    with alone("users"):
        _remove_user()
        home = ("--home-dir", str(folder / "user"), "--shell", "/bin/bash")
        _call("useradd", "--system", "--no-create-home", *home, text.USER)
        _call("usermod", "-p", "*", text.USER)  # not locked, and no password fits
    cache = str(Path(tempfile.gettempdir(), text.CACHE))
    _call("chown", "-R", f"{text.USER}:", str(folder / "user"), cache)
    (folder / "user/.ssh").chmod(0o700)
    (folder / "user/.ssh/authorized_keys").chmod(0o600)
    munge = {"key-file": "key", "socket": "socket", "log-file": "log", "seed-file": "seed"}
    options = [f"--{option}={folder}/munge/{name}" for option, name in munge.items()]
    _call("munged", "--force", f"--pid-file={folder}/pids/munged", *options)
    conf = str(folder / "slurm/slurm.conf")
    _call("slurmctld", "-f", conf)
    for node in text.NODES:
        _call("slurmd", "-f", conf, "-N", node)
    Path("/run/sshd").mkdir(exist_ok=True)
    _call("/usr/sbin/sshd", "-f", str(folder / "ssh/config"), "-E", str(folder / "log/sshd"))
    deadline = time.monotonic() + _PATIENCE_S
    while _call("sinfo", "-h", "-N", "-o", "%t", conf=conf).split() != ["idle", "idle"]:
        if time.monotonic() > deadline:
            raise RuntimeError((folder / "log/slurmctld").read_text()[-3000:])
        time.sleep(0.2)
    _start_server(sandbox)


def _start_server(sandbox: Sandbox) -> None:
    # SkyPilot gives its server a minute to start, and on a busy machine that is not always enough.
    for _ in range(_SERVER_TRIES):
        said = sandbox.sky("api", "start")
        if "Failed" not in said:
            return
    raise RuntimeError(said)


def _stop_server(sandbox: Sandbox) -> None:
    with suppress(subprocess.TimeoutExpired):
        sandbox.sky("api", "stop")
    for pid in _processes_with(str(sandbox.folder)):
        _kill(pid)


def _stop(sandbox: Sandbox) -> None:
    _stop_server(sandbox)
    hashed = (sandbox.home / ".sky/user_hash").read_text()
    shutil.rmtree(Path(tempfile.gettempdir(), f"sky_ssh_{hashed}"), ignore_errors=True)
    for file in sorted(sandbox.folder.glob("pids/*")):
        _kill(int(file.read_text()))
    with alone("users"):
        _remove_user()
    unmount_below(sandbox.folder)
    shutil.rmtree(sandbox.folder, ignore_errors=True)


def _remove_user() -> None:
    """The user with all that it runs: SkyPilot's connections outlive its clusters for a while."""
    listed = subprocess.run(
        ["ps", "-o", "pid=", "-u", text.USER], capture_output=True, text=True, check=False
    )
    for pid in listed.stdout.split():
        _kill(int(pid))
    temporary = ["find", tempfile.gettempdir(), "-maxdepth", "1", "-user", text.USER]
    keep = ["!", "-name", text.CACHE, "!", "-name", "nemorun-sky-*"]
    # SkyPilot's runtime of each cluster, which another user could not write to.
    remove = ["-exec", "rm", "-rf", "{}", "+"]
    subprocess.run([*temporary, *keep, *remove], capture_output=True, check=False)
    subprocess.run(["userdel", text.USER], capture_output=True, check=False)


def _processes_with(folder: str) -> list[int]:
    """Processes whose command line or environment names the folder: SkyPilot's server and its connections."""
    found = []
    for place in Path("/proc").iterdir():
        if not place.name.isdigit() or int(place.name) == os.getpid():
            continue
        with suppress(OSError):
            told = (place / "cmdline").read_bytes() + (place / "environ").read_bytes()
            if folder.encode() in told:
                found.append(int(place.name))
    return found


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _call(*command: str, conf: str | None = None) -> str:
    environment = {**os.environ, **({"SLURM_CONF": conf} if conf else {})}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stdout}{done.stderr}")
    return done.stdout


def _answer_probes() -> ThreadingHTTPServer:
    """What says that the network is there."""

    class Probe(BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.send_response(200)
            self.end_headers()

        do_GET = do_HEAD  # noqa: N815 - http.server's names

        def log_message(self, *words):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Probe)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nothing listens on."""
    found: list[int] = []
    for port in random.sample(_PORTS, len(_PORTS)):
        with socket.socket() as one, suppress(OSError):
            one.bind(("127.0.0.1", port))
            found.append(port)
        if len(found) == count:
            break
    return found
