"""Which log: a service and its shard. Every table, file, topic and schema that belongs to one log is keyed by this.

An *origin*, ``HOST/SERVICE/SHARD``, is the log's name in public; ``SERVICE/SHARD`` names it within one instance. The
shard `MAIN` is left out of the short name and of the ids that its log makes.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

MAIN: Final = "main"
"""The shard that every service has."""
SHARD_MAX: Final = 32
SHARD_PATTERN: Final = r"[a-z][a-z0-9]*(?:\.[a-z0-9]+|-[a-z][a-z0-9]*)*"
"""Of at most `SHARD_MAX` characters. A letter follows each hyphen, so that no part of a shard's name reads as a number
of an id (`bid-us-east1-17-0`). Dots and hyphens stand only between letters or digits, so that a name is never a path
and the names of schemas, in which they are replaced, stay distinct."""
SHARD_FORM: Final = (
    f"A shard is up to {SHARD_MAX} of a-z, 0-9, - and ., and each part between hyphens begins with a letter."
)
SERVICE_PATTERN: Final = r"[a-z0-9-]{1,32}"
_LOG: Final = re.compile(f"({SERVICE_PATTERN})(?:/({SHARD_PATTERN}))?", re.ASCII)


class LogId(NamedTuple):
    """One log of an instance. Its text is ``SERVICE/SHARD``."""

    service: str
    shard: str = MAIN

    def __str__(self) -> str:
        return f"{self.service}/{self.shard}"

    @property
    def name(self) -> str:
        """The short name: ``SERVICE`` for the shard `MAIN`, ``SERVICE/SHARD`` for others."""
        return self.service if self.shard == MAIN else str(self)

    @property
    def stem(self) -> str:
        """The beginning of its files' names: ``SERVICE`` for the shard `MAIN`, ``SERVICE.SHARD`` for others."""
        return self.service if self.shard == MAIN else f"{self.service}.{self.shard}"

    def origin(self, host: str) -> str:
        """``HOST/SERVICE/SHARD``."""
        return f"{host}/{self}"


def parse_log(text: str) -> LogId:
    """The log of ``SERVICE/SHARD``, or of ``SERVICE`` alone for the shard `MAIN`. Raises ValueError."""
    found = _LOG.fullmatch(text)
    if found is None or len(found[2] or "") > SHARD_MAX:
        raise ValueError(f"{text[:80]!r} is not the name of a log: SERVICE or SERVICE/SHARD. {SHARD_FORM}")
    return LogId(found[1], found[2] or MAIN)


@lru_cache(256)
def log_of(origin: str) -> LogId:
    """The log part of an origin ``HOST/SERVICE/SHARD``. Raises ValueError where there are fewer than three parts."""
    _, service, shard = origin.rsplit("/", 2)
    return LogId(service, shard)


def host_of(origin: str) -> str:
    """The host part of an origin ``HOST/SERVICE/SHARD``."""
    return origin.rsplit("/", 2)[0]
