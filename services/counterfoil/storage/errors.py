"""What the stores raise besides what their ports say."""

from __future__ import annotations

import re
from typing import Final

from counterfoil.ports import Unavailable

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
"""What to do about a connection that did not come about: there are no codes, of those the driver has the text alone."""


class StorageError(Unavailable):
    """The database cannot be used or refused the work; whether a failed commit took effect must be read back."""


class LeaseLost(StorageError):
    """The session that held the lease has ended: somebody else may be the writer by now."""


def first_line(error: BaseException) -> str:
    """What went wrong, without the lines in which PostgreSQL shows values, and what to do where we did not get in."""
    line = str(error).partition("\n")[0]
    advice = next((advice for pattern, advice in _ADVICE.items() if re.search(pattern, line)), None)
    return line if advice is None else f"{line}; {advice}"
