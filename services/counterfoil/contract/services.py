"""The names of the services: part of every origin, topic, user and schema name."""

from __future__ import annotations

from typing import Final

from counterfoil.contract.log_id import LogId

SERVICES: Final = ("issuance", "ledger", "matching", "redemption")

MAIN_LOGS: Final = tuple(map(LogId, SERVICES))
"""The logs that every instance has: the shard ``main`` of each service."""

DIVISIBLE: Final = ("matching",)
"""Services that may have more than one shard. For the others nothing assigns a programme or a contract
to a shard yet: two ledgers would both credit every voucher."""
