"""Sets up what the services need before they start: topics, users and rights on Kafka; schemas and roles in PostgreSQL.

Everything here can be repeated: it corrects drift and returns what it changed. It never deletes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from counterfoil.access import DatabaseAccess, KafkaAccess
from counterfoil.contract.log_id import LogId
from counterfoil.contract.services import MAIN_LOGS
from counterfoil.errors import CounterfoilError
from counterfoil.private_files import read_password
from counterfoil.settings import ADMIN, USERS
from counterfoil.storage import admin
from counterfoil.storage.errors import StorageError
from counterfoil.storage.log_store import read_log_store_on
from counterfoil.transport.admin import acls, topics, users

_OLD: Final = f"kafka-{ADMIN}.old"
"""The secret with the administrator's previous Kafka password, to log in once more while a new one is being set."""


class DatabaseFailed(CounterfoilError):
    """PostgreSQL cannot be reached, refuses the administrator, or has the schema of a newer version of this program."""


def apply(
    kafka: KafkaAccess,
    database: DatabaseAccess,
    *,
    brokers: int | None,
    secrets: Path | None,
    logs: Sequence[LogId] = MAIN_LOGS,
) -> list[str]:
    """Set up Kafka and PostgreSQL for an instance with these logs. Returns what was changed.

    `kafka`, `database`: the administrator's access. `secrets`: the directory of every user's passwords.

    Raises `CounterfoilError`.
    """
    return [*apply_topics(kafka, brokers, secrets, logs), *apply_database(database, secrets, logs)]


def apply_topics(
    access: KafkaAccess,
    brokers: int | None = None,
    secrets: Path | None = None,
    logs: Sequence[LogId] = MAIN_LOGS,
) -> list[str]:
    """Set up Kafka: users, passwords (if needed), topics, rights. Returns what was changed.

    `brokers`: how many brokers there will be (None: as many as answer). Raises `KafkaFailed`
    (`transport.admin.client`), `BadPrivateFile`.
    """
    changes = []
    if secrets is not None and access.password is not None:
        if (secrets / _OLD).exists():
            changes += users.renew(access, read_password(secrets / _OLD))
        changes += users.apply(access, _passwords(secrets))
    return [*changes, *topics.apply(access, brokers, logs), *acls.apply(access)]


def check_topics(access: KafkaAccess, secrets: Path | None = None, logs: Sequence[LogId] = MAIN_LOGS) -> list[str]:
    """The drift from what `apply_topics` sets up. Raises `transport.admin.client.KafkaFailed`, `BadPrivateFile`."""
    known = _passwords(secrets) if secrets is not None and access.password is not None else {}
    return [*users.check(access, known), *topics.check(access, logs), *acls.check(access)]


def rights_enforced(access: KafkaAccess) -> bool:
    """Whether the cluster enforces ACLs; without an authorizer every client has all rights. Raises `KafkaFailed`."""
    return acls.enforced(access)


def apply_database(access: DatabaseAccess, secrets: Path | None = None, logs: Sequence[LogId] = MAIN_LOGS) -> list[str]:
    """Set up PostgreSQL: the database, roles, passwords, schemas, tables, rights. Returns what was changed.

    Raises `DatabaseFailed`, `BadPrivateFile`.
    """
    with _database_errors():
        return admin.apply(access, {} if secrets is None else _database_passwords(secrets), logs)


def check_database(access: DatabaseAccess, logs: Sequence[LogId] = MAIN_LOGS) -> list[str]:
    """The drift from what `apply_database` sets up, and settings that could lose data. Raises `DatabaseFailed`."""
    with _database_errors():
        return admin.check(access, logs)


def existing_data(kafka: KafkaAccess, database: DatabaseAccess, logs: Sequence[LogId] = MAIN_LOGS) -> list[str]:
    """Data of an earlier market: logs with entries, topics with records. For the administrator, after `apply`.

    Raises `DatabaseFailed`, `transport.admin.client.KafkaFailed`.
    """
    with _database_errors():
        begun = [f"the log of {log.name}" for log in logs if _has_entries(database, log)]
    return [*begun, *topics.written(kafka, logs)]


def _has_entries(access: DatabaseAccess, log: LogId) -> bool:
    with closing(read_log_store_on(access, log)) as store:
        return store.head() is not None


@contextmanager
def _database_errors() -> Iterator[None]:
    try:
        yield
    except StorageError as problem:
        raise DatabaseFailed(str(problem)) from problem


def _database_passwords(secrets: Path) -> dict[str, str | None]:
    paths = {user: secrets / f"postgres-{user}" for user in USERS if user != ADMIN}
    return {user: read_password(path) for user, path in paths.items() if path.exists()}


def _passwords(secrets: Path) -> dict[str, str]:
    """Passwords by name on Kafka, of the users that have one here; the administrator has logged in with its own."""
    paths = {f"counterfoil-{user}": secrets / f"kafka-{user}" for user in USERS if user != ADMIN}
    return {name: read_password(path) for name, path in paths.items() if path.exists()}
