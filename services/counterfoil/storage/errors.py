"""What the stores raise besides what their ports say."""

from __future__ import annotations

from counterfoil.ports import Unavailable


class StorageError(Unavailable):
    """The database cannot be used or refused the work; whether a failed commit took effect must be read back."""


class LeaseLost(StorageError):
    """The session that held the lease has ended: somebody else may be the writer by now."""


def first_line(error: BaseException) -> str:
    """What went wrong, without the lines in which PostgreSQL shows values."""
    return str(error).partition("\n")[0]
