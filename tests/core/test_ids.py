"""The ids that logs make: each log numbers its own, so what two services make never begins alike."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path
from typing import Final

from counterfoil.core.rules import LATEST, RULES

SERVICES: Final = Path(__file__).parents[2] / "services" / "counterfoil"


def test_no_two_services_make_ids_that_begin_alike() -> None:
    """A voucher that the ledger issued anew had the id of one of issuance's, whose value it was taken for."""
    made = {
        name: {
            found
            for path in (SERVICES / name).glob("*.py")
            for found in re.findall(r'new_id\("(\w+)"', path.read_text())
        }
        for name in ("issuance", "ledger", "matching", "redemption")
    }
    made["ledger"].add(RULES[LATEST].reissue_prefix)
    assert all(made.values())
    for one, other in combinations(made, 2):
        assert not made[one] & made[other], (one, other)
