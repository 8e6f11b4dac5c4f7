"""What a report takes from outside the logs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from counterfoil.contract.canonical import canonical


@dataclass(frozen=True, slots=True)
class Given:
    """`bank`: by reference, micro-units that a bank's statement says were paid. `seed`, `size`: of a sample.

    `since`: by origin, the size and the root of each tree of an earlier report.
    `thresholds`: those of patterns that differ from their defaults, by pattern and name: ``F8.peers``.
    """

    bank: Mapping[str, int] | None = None
    seed: str = ""
    size: int = 25
    since: Mapping[str, tuple[int, bytes]] | None = None
    thresholds: Mapping[str, int] = field(default_factory=dict)

    def shown(self) -> dict[str, Any]:
        """What a report says of it: all of a sample's seed, of a bank's statement a hash."""
        found: dict[str, Any] = {} if not self.seed else {"seed": self.seed, "size": self.size}
        if self.bank is not None:
            statement = canonical({name: str(amount) for name, amount in self.bank.items()})
            found["bank_sha256"] = sha256(statement).hexdigest()
        if self.since is not None:
            trees = sorted(self.since.items())
            found["since"] = [{"origin": name, "size": size, "root": root.hex()} for name, (size, root) in trees]
        return found
