"""Access to the servers of the distributed form, each for one user: what a connection needs, passwords included."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class KafkaAccess:
    """One user's access to Kafka: with SCRAM-SHA-512 if there is a password, with TLS if there is `ca`."""

    servers: str
    user: str
    password: str | None = field(default=None, repr=False)
    ca: Path | None = None


@dataclass(frozen=True, slots=True)
class DatabaseAccess:
    """One user's access to PostgreSQL: with TLS and verification of the server's name if there is `ca`."""

    host: str
    port: int
    name: str
    user: str
    password: str | None = field(default=None, repr=False)
    ca: Path | None = None
