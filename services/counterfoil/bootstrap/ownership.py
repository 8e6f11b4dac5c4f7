"""Checks that a database belongs to this log, so that no other instance's log is continued or signed."""

from __future__ import annotations

from counterfoil.errors import CounterfoilError
from counterfoil.log.checkpoint import open_checkpoint
from counterfoil.log.errors import LogError
from counterfoil.log.keys import VerifyKey
from counterfoil.ports import Head


class OtherInstance(CounterfoilError):
    """The database holds the log of an instance with another name or other keys."""


def check_ownership(head: Head | None, key: VerifyKey) -> None:
    """Raises `OtherInstance` unless the log is new, or its head is signed with its `key`."""
    if head is None:
        return
    try:
        open_checkpoint(head.note, [key])
    except LogError as problem:
        raise OtherInstance(
            f"the database holds a log that is not this instance's {key.name}: check COUNTERFOIL_HOME and "
            f"COUNTERFOIL_DATABASE ({problem})"
        ) from problem
