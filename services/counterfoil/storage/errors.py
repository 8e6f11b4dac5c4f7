"""What the stores raise besides what their ports say."""

from __future__ import annotations

import re
from typing import Final

from counterfoil.errors import Unusable
from counterfoil.ports import Unavailable

RESTORE: Final = "restore it from a backup (views need none: delete them, they are made again from the logs)"
"""What to do about a damaged database."""
_ADVICE: Final = {
    'FATAL: +(?:password authentication failed|permission denied for database|(?:role|database) ".*" does not exist)': (
        "is the password in COUNTERFOIL_SECRETS right, and has `counterfoil database apply` been run?"
    ),
    "certificate verify failed": (
        "is postgres-ca.pem in COUNTERFOIL_SECRETS the authority that the server's certificate comes from, "
        "and is that certificate still valid?"
    ),
    "not match host name|host name from server certificate": (
        "COUNTERFOIL_DATABASE must name the server as its certificate does, which postgres-ca.pem in "
        "COUNTERFOIL_SECRETS asks it for"
    ),
    "server does not support SSL|during SSL exchange|invalid response to SSL negotiation|protocol version": (
        "with postgres-ca.pem in COUNTERFOIL_SECRETS nothing is sent without TLS 1.3: switch `ssl` on in PostgreSQL"
    ),
    "root certificate file": (
        "postgres-ca.pem in COUNTERFOIL_SECRETS was there when this process began, and is needed for TLS"
    ),
    "no pg_hba.conf entry for .* no encryption": (
        "if this server asks for TLS, put the authority that its certificate comes from into COUNTERFOIL_SECRETS "
        "as postgres-ca.pem"
    ),
}
"""What to do about a connection that failed: for those the driver gives no codes, only text."""
_DAMAGED: Final = ("SQLITE_CORRUPT", "SQLITE_NOTADB", "XX001", "XX002")
"""How the codes of damage begin: SQLite's, and PostgreSQL's data_corrupted and index_corrupted."""


class StorageError(Unavailable):
    """The database cannot be used or refused the work; whether a failed commit took effect must be read back."""


class DatabaseDamaged(Unusable):
    """What the database holds is damaged; no later attempt will find it whole."""


class LeaseLost(StorageError):
    """The session that held the lease has ended: another instance may be the writer by now."""


def failure(place: str, error: BaseException) -> StorageError | DatabaseDamaged:
    """The error to raise for what a driver says about the database at `place`."""
    code = getattr(error, "sqlite_errorname", None) or getattr(error, "sqlstate", None) or ""
    if code.startswith(_DAMAGED):
        return DatabaseDamaged(f"{place}: {first_line(error)}: it is damaged: {RESTORE}")
    return StorageError(f"{place}: {first_line(error)}")


def first_line(error: BaseException) -> str:
    """What went wrong, without the lines in which PostgreSQL shows values; for a failed connection also what to do."""
    line = str(error).partition("\n")[0]
    advice = next((advice for pattern, advice in _ADVICE.items() if re.search(pattern, line)), None)
    return line if advice is None else f"{line}; {advice}"
