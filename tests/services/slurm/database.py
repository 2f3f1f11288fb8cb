"""MariaDB for slurmdbd, on a login node."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

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
_GRANT = """
create database if not exists slurm_acct_db;
create user if not exists 'slurm'@'localhost' identified by 'slurm';
grant all on slurm_acct_db.* to 'slurm'@'localhost';
"""


def start_database(site: Site) -> None:
    """MariaDB with an empty database for slurmdbd, which answers when this returns."""
    folder, log = site.folder / "db", site.folder / "log" / "mariadb.log"
    folder.mkdir(exist_ok=True)
    shutil.chown(folder, "mysql", "mysql")
    data = folder / "data"
    if not data.exists():
        options = ["--no-defaults", "--user=mysql", f"--datadir={data}", "--skip-test-db"]
        site.login.run(["mariadb-install-db", *options, *_CARELESS])
    options = ["--no-defaults", "--user=mysql", f"--datadir={data}", "--skip-networking"]
    places = ["--socket=/run/mysqld/mysqld.sock", f"--log-error={log}", f"--pid-file={folder}/pid"]
    command = 'exec setsid --fork "$@" </dev/null >/dev/null 2>&1'
    site.login.run(["bash", "-c", command, "-", "mariadbd", *options, *places, *_CARELESS])
    until((folder / "pid").exists, 30, "MariaDB does not start", log=log)
    site.login.run(["mariadb", "--no-defaults", "-e", _GRANT])
