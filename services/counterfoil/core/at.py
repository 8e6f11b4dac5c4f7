"""The place of a decision: when and where in its log."""

from __future__ import annotations

import msgspec

from counterfoil.contract.log_id import MAIN


class At(msgspec.Struct, frozen=True, gc=False):
    """The place of a decision: ledger time (microseconds), the entry's index, the command's place in its batch.

    `host` and `shard` are those of the log which decides.
    """

    time: int
    index: int
    item: int
    shard: str = MAIN
    host: str = ""

    def new_id(self, prefix: str, nth: int | None = None) -> str:
        """An id that is unique for ever because the log's index is: ``bid-17-0``, or ``trd-17-0-2`` for the third.

        Logs take in each other's ids, so that of any shard but `MAIN` names the shard: ``bid-cn.sh-17-0``.
        """
        log = prefix if self.shard == MAIN else f"{prefix}-{self.shard}"
        base = f"{log}-{self.index}-{self.item}"
        return base if nth is None else f"{base}-{nth}"
