"""The errors of the stores beyond those of their ports."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from counterfoil.errors import Fault, Unusable
from counterfoil.ports import TookTooLong, Unavailable

RESTORE: Final = "restore it from a backup (views need none: delete them, they are rebuilt from the logs)"
"""What to do about a damaged database."""
_ADVICE: Final = {
    'FATAL: +(?:password authentication failed|permission denied for database|(?:role|database) ".*" does not exist)': (
        "is the password in COUNTERFOIL_SECRETS right, and has `counterfoil database apply` been run?"
    ),
    "certificate verify failed": (
        "is postgres-ca.pem in COUNTERFOIL_SECRETS the authority that issued the server's certificate, "
        "and is that certificate still valid?"
    ),
    "not match host name|host name from server certificate": (
        "COUNTERFOIL_DATABASE must name the server as its certificate does, because postgres-ca.pem is in "
        "COUNTERFOIL_SECRETS"
    ),
    "server does not support SSL|during SSL exchange|invalid response to SSL negotiation|protocol version": (
        "postgres-ca.pem in COUNTERFOIL_SECRETS requires TLS 1.3: switch `ssl` on in PostgreSQL"
    ),
    "root certificate file": (
        "postgres-ca.pem in COUNTERFOIL_SECRETS was there when this process started, and is needed for TLS"
    ),
    "no pg_hba.conf entry for .* no encryption": (
        "if this server requires TLS, put the authority that issued its certificate into COUNTERFOIL_SECRETS "
        "as postgres-ca.pem"
    ),
}
"""What to do about a failed connection, by the text of the error: the driver gives no codes for these."""
_FAULTS: Final[Mapping[str, tuple[Fault, str]]] = {
    "SQLITE_FULL": ("disk_full", "the disk, or the quota, is full: free space, then it goes on by itself"),
    "SQLITE_READONLY": ("read_only", "it cannot be written: correct owner, mode and mount, then it goes on by itself"),
    "53100": ("disk_full", "the server's disk is full: free space there, then it goes on by itself"),
    "25006": ("read_only", "the server takes no writes: it is a replica, or was made read-only"),
}
"""By the prefix of an error's code, what is wrong and what to do; 53100 and 25006 are PostgreSQL's disk_full and
read_only_sql_transaction."""
_DAMAGED: Final = ("SQLITE_CORRUPT", "SQLITE_NOTADB", "XX001", "XX002")
"""Prefixes of the error codes of damage: SQLite's, and PostgreSQL's data_corrupted and index_corrupted."""

_ENDED: Final = ("SQLITE_INTERRUPT", "57014")
"""Codes of a statement that was ended: 57014 is PostgreSQL's query_canceled."""


class StorageError(Unavailable):
    """The database is unreachable or an operation failed. After a failed commit, read back whether it took effect."""


class DatabaseDamaged(Unusable):
    """The data in the database is damaged; a retry cannot succeed."""


class OtherDatabase(StorageError):
    """The database is of another kind, or of a version that this program does not know; nothing was changed."""


class LeaseLost(StorageError):
    """The session that held the lease has ended: another process may be the writer by now."""


def failure(place: str, error: BaseException) -> StorageError | TookTooLong | DatabaseDamaged:
    """The error to raise for a driver's error about the database at `place`."""
    code = getattr(error, "sqlite_errorname", None) or getattr(error, "sqlstate", None) or ""
    if code.startswith(_DAMAGED):
        return DatabaseDamaged(f"{place}: {first_line(error)}: it is damaged: {RESTORE}")
    if code in _ENDED:
        return TookTooLong(f"{place}: {first_line(error)}")
    for prefix, (fault, advice) in _FAULTS.items():
        if code.startswith(prefix):
            return StorageError(f"{place}: {first_line(error)}: {advice}", fault)
    return StorageError(f"{place}: {first_line(error)}")


def first_line(error: BaseException) -> str:
    """The error's first line, since PostgreSQL shows values in later ones; for a failed connection also what to do."""
    line = str(error).partition("\n")[0]
    advice = next((advice for pattern, advice in _ADVICE.items() if re.search(pattern, line)), None)
    return line if advice is None else f"{line}; {advice}"
