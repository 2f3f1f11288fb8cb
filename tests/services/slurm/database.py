"""MariaDB for slurmdbd, on a login node."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from tests.services.packages import kept
from tests.services.slurm.machine import until

if TYPE_CHECKING:
    from tests.services.slurm.layout import Site

# Safety against a power cut costs seconds at start, and the data is thrown away.
_CARELESS = (
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-flush-method=nosync",
    "--innodb-doublewrite=0",
    "--innodb-buffer-pool-size=64M",
    "--innodb-log-file-size=16M",
    "--innodb-lock-wait-timeout=900",
    "--skip-log-bin",
    "--skip-name-resolve",
)
_RUN = "/run/mysqld"  # where clients look for the socket
_GRANT = """
create database if not exists slurm_acct_db;
create user if not exists 'slurm'@'localhost' identified by 'slurm';
grant all on slurm_acct_db.* to 'slurm'@'localhost';
"""


def template() -> Path:
    """A data folder as MariaDB's installation makes it, made once (it takes seconds)."""
    made_of = _answer("mariadbd", "--version") + Path(__file__).read_bytes()
    return kept("mariadb", made_of, _install) / "data"


def _install(folder: Path) -> None:
    shutil.chown(folder, "mysql", "mysql")
    options = ["--no-defaults", "--user=mysql", f"--datadir={folder}/data", "--skip-test-db"]
    _answer("mariadb-install-db", *options, *_CARELESS)


def start_database(site: Site) -> None:
    """MariaDB with an empty database for slurmdbd, which answers when this returns.

    Its data lies in the login node's own /run: in memory, and gone with it.
    """
    log = site.folder / "log" / "mariadb.log"
    # A system of its own has the folder from its installation.
    data = str(template()) if site.root is None else "/var/lib/mysql"
    site.login.run(["cp", "--archive", data, f"{_RUN}/data"])
    options = ["--no-defaults", "--user=mysql", f"--datadir={_RUN}/data", "--skip-networking"]
    places = [f"--socket={_RUN}/mysqld.sock", f"--log-error={log}", f"--pid-file={_RUN}/pid"]
    command = 'exec setsid --fork "$@" </dev/null >/dev/null 2>&1'
    site.login.run(["bash", "-c", command, "-", "mariadbd", *options, *places, *_CARELESS])
    answers = ["mariadb-admin", "--no-defaults", "--connect-timeout=1", "ping"]
    until(
        lambda: site.login.run(answers, check=False).returncode == 0,
        30,
        "MariaDB does not start",
        log=log,
    )
    site.login.run(["mariadb", "--no-defaults", "-e", _GRANT])


def _answer(*command: str) -> bytes:
    return subprocess.run(command, capture_output=True, check=True).stdout
