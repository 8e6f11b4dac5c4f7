"""What the stores raise besides what their ports say."""

from __future__ import annotations

import re
from typing import Final

from counterfoil.ports import Unavailable

_TURNED_AWAY: Final = re.compile(
    r'FATAL: +(?:password authentication failed|(?:role|database) ".*" does not exist|permission denied for database)'
)
"""There is no code for it: of a connection that is refused the driver has the text alone."""
_ADVICE: Final = "is the password in COUNTERFOIL_SECRETS right, and has `counterfoil database apply` been run?"


class StorageError(Unavailable):
    """The database cannot be used or refused the work; whether a failed commit took effect must be read back."""


class LeaseLost(StorageError):
    """The session that held the lease has ended: somebody else may be the writer by now."""


def first_line(error: BaseException) -> str:
    """What went wrong, without the lines in which PostgreSQL shows values, and what to do if it does not let us in."""
    line = str(error).partition("\n")[0]
    return f"{line}; {_ADVICE}" if _TURNED_AWAY.search(line) else line
