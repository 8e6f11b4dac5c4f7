"""The names of the services: part of every origin, topic, user and schema name."""

from __future__ import annotations

from typing import Final

from counterfoil.contract.log_id import LogId

SERVICES: Final = ("issuance", "ledger", "matching", "redemption")

CONSUMERS_FIRST: Final = SERVICES[::-1]
"""The order in which to read checkpoints that are to fit together: what a log has consumed, its source has made before.

Two services that consume each other cannot both come first, and a log may publish later than its consumer: the last
entries of a log may still refer to what the others have not published.
"""

MAIN_LOGS: Final = tuple(map(LogId, SERVICES))
"""The logs that every instance has: the shard ``main`` of each service."""

DIVISIBLE: Final = ("matching",)
"""Services that may have more than one shard. For the others nothing assigns a programme or a contract
to a shard yet: two ledgers would both credit every voucher."""
