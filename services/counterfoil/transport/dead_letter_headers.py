"""The headers of a dead letter: writing and reading them.

Key and value of a dead letter are those of the record that could not be taken, byte for byte. To the record's own
headers are added those of `counterfoil.contract.topics`: where it was, why it was set aside, and when.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from counterfoil.contract.ensure import ensure
from counterfoil.contract.times import parse_time
from counterfoil.contract.topics import DEAD_OFFSET, DEAD_PARTITION, DEAD_REASON, DEAD_TIME, DEAD_TOPIC

Header = tuple[str, bytes | None]

DEAD_HEADERS_BYTES: Final = 512
"""The most by which a dead letter is larger than the original record, as Kafka counts."""

_FORMS: Final = {
    DEAD_TOPIC: re.compile(r"[A-Za-z0-9._-]{1,249}", re.ASCII),  # Kafka's own limit
    DEAD_PARTITION: re.compile(r"[0-9]{1,10}", re.ASCII),
    DEAD_OFFSET: re.compile(r"[0-9]{1,19}", re.ASCII),
    DEAD_REASON: re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}", re.ASCII),
    DEAD_TIME: re.compile(r"[0-9TZ:.-]{27}", re.ASCII),
}


@dataclass(frozen=True, slots=True)
class Death:
    """Where a record was, why it was set aside (a stable code), and when (RFC 3339, UTC, six decimals)."""

    topic: str
    partition: int
    offset: int
    reason: str
    time: str


def dead_letter(
    topic: str, partition: int, offset: int, headers: Sequence[Header], reason: str, time: str
) -> list[Header]:
    """The headers of the dead letter for the record at this place.

    The record's own headers are kept, except those named like a dead letter's: so it does not grow, however often it is
    replayed and fails again. Raises `InvariantViolation` if a value is malformed.
    """
    said = {
        DEAD_TOPIC: topic,
        DEAD_PARTITION: str(partition),
        DEAD_OFFSET: str(offset),
        DEAD_REASON: reason,
        DEAD_TIME: time,
    }
    for name, text in said.items():
        ensure(_FORMS[name].fullmatch(text) is not None, f"{name} of a dead letter: {text!r}")
    return [*_own(headers), *((name, text.encode()) for name, text in said.items())]


def read_dead_letter(headers: Sequence[Header]) -> tuple[Death, list[Header]]:
    """Where and why it was set aside, and the record's own headers. Raises ValueError if it is not a dead letter."""
    found = {name: value for name, value in headers if name in _FORMS}
    texts = {name: (found.get(name) or b"").decode("latin-1") for name in _FORMS}
    for name, text in texts.items():
        if _FORMS[name].fullmatch(text) is None:
            raise ValueError(f"{name} is missing or malformed")
    parse_time(texts[DEAD_TIME])
    partition, offset = int(texts[DEAD_PARTITION]), int(texts[DEAD_OFFSET])
    death = Death(texts[DEAD_TOPIC], partition, offset, texts[DEAD_REASON], texts[DEAD_TIME])
    return death, _own(headers)


def _own(headers: Sequence[Header]) -> list[Header]:
    return [(name, value) for name, value in headers if name not in _FORMS]
