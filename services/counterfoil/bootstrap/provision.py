"""Sets up what the services need before they start: topics, users and rights on Kafka; schemas and roles in PostgreSQL.

Everything here can be repeated: it changes what is not as it must be, and says what that was. It never deletes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from counterfoil.contract.log_id import LogId
from counterfoil.contract.services import MAIN_LOGS
from counterfoil.errors import CounterfoilError
from counterfoil.instance import read_private
from counterfoil.settings import ADMIN, USERS, DatabaseAccess, KafkaAccess
from counterfoil.storage import admin
from counterfoil.storage.errors import StorageError
from counterfoil.storage.log_store import read_log_store_on
from counterfoil.transport.admin import acls, topics, users

_OLD: Final = f"kafka-{ADMIN}.old"
"""Beside a new password of the administrator on Kafka: the one before, to log in with once more."""


class DatabaseFailed(CounterfoilError):
    """PostgreSQL cannot be reached, refuses the administrator, or is of a newer version of this program."""


def apply(
    kafka: KafkaAccess,
    database: DatabaseAccess,
    *,
    brokers: int | None,
    secrets: Path | None,
    logs: Sequence[LogId] = MAIN_LOGS,
) -> list[str]:
    """All of it for an instance with these logs, with the administrator's accesses. Returns what was changed.

    `secrets` has every user's passwords.

    Raises `CounterfoilError`.
    """
    return [*apply_topics(kafka, brokers, secrets, logs), *apply_database(database, secrets, logs)]


def apply_topics(
    access: KafkaAccess,
    brokers: int | None = None,
    secrets: Path | None = None,
    logs: Sequence[LogId] = MAIN_LOGS,
) -> list[str]:
    """What Kafka needs: users and passwords (where it asks for them), topics, rights. Returns what was changed.

    `brokers`: how many there are to be (None: as many as answer). Raises `KafkaFailed` (`transport.admin.client`),
    `UnsafeFile`.
    """
    changes = []
    if secrets is not None and access.password is not None:
        if (secrets / _OLD).exists():
            changes += users.renew(access, read_private(secrets / _OLD))
        changes += users.apply(access, _passwords(secrets))
    return [*changes, *topics.apply(access, brokers, logs), *acls.apply(access)]


def check_topics(access: KafkaAccess, secrets: Path | None = None, logs: Sequence[LogId] = MAIN_LOGS) -> list[str]:
    """What is not as `apply_topics` would have it. Raises `transport.admin.client.KafkaFailed`, `UnsafeFile`."""
    known = _passwords(secrets) if secrets is not None and access.password is not None else {}
    return [*users.check(access, known), *topics.check(access, logs), *acls.check(access)]


def rights_enforced(access: KafkaAccess) -> bool:
    """Whether the cluster enforces ACLs; without an authorizer everybody may do everything. Raises `KafkaFailed`."""
    return acls.enforced(access)


def apply_database(access: DatabaseAccess, secrets: Path | None = None, logs: Sequence[LogId] = MAIN_LOGS) -> list[str]:
    """What PostgreSQL needs: the database, roles, passwords, schemas, tables, rights. Returns what was changed.

    Raises `DatabaseFailed`, `UnsafeFile`.
    """
    with _explained():
        return admin.apply(access, {} if secrets is None else _database_passwords(secrets), logs)


def check_database(access: DatabaseAccess, logs: Sequence[LogId] = MAIN_LOGS) -> list[str]:
    """What is not as `apply_database` would have it, and what could lose data. Raises `DatabaseFailed`."""
    with _explained():
        return admin.check(access, logs)


def written(kafka: KafkaAccess, database: DatabaseAccess, logs: Sequence[LogId] = MAIN_LOGS) -> list[str]:
    """What any market has left here: logs that have begun, topics with records. For the administrator, after `apply`.

    Raises `DatabaseFailed`, `transport.admin.client.KafkaFailed`.
    """
    with _explained():
        begun = [f"the log of {log.name}" for log in logs if _begun(database, log)]
    return [*begun, *topics.written(kafka, logs)]


def _begun(access: DatabaseAccess, log: LogId) -> bool:
    with closing(read_log_store_on(access, log)) as store:
        return store.head() is not None


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except StorageError as problem:
        raise DatabaseFailed(str(problem)) from problem


def _database_passwords(secrets: Path) -> dict[str, str | None]:
    paths = {user: secrets / f"postgres-{user}" for user in USERS if user != ADMIN}
    return {user: read_private(path) for user, path in paths.items() if path.exists()}


def _passwords(secrets: Path) -> dict[str, str]:
    """By their names on Kafka, the users whose passwords are here; the administrator has logged in with its own."""
    paths = {f"counterfoil-{user}": secrets / f"kafka-{user}" for user in USERS if user != ADMIN}
    return {name: read_private(path) for name, path in paths.items() if path.exists()}
