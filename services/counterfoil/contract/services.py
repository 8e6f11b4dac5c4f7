"""The names of the services: part of every origin, topic, user and schema name."""

from __future__ import annotations

from typing import Final

SERVICES: Final = ("issuance", "ledger", "matching", "redemption")
