"""The final balances, without anything that depends on the speed of services: no ids, indexes or times of entries.

Two runs of one story with the same end give the same bytes here, however they were played.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from counterfoil.contract.canonical import canonical
from counterfoil.demo.story_driver import StoryDriver

_LOT = ("face", "available", "held", "redeemed", "expired", "cancelled")
_DEAL = ("beneficiary_id", "provider_id", "programme_id", "class_id", "region", "first_hour", "hours", "nodes", "price")
_PAID = ("status", "subsidy", "co_payment")


def balances(driver: StoryDriver) -> dict[str, Any]:
    """Every account, voucher and trade at the end, and `sha256` over them as canonical JSON. Amounts are text.

    `accounts`: per asset (currencies and budgets) and account, what is posted and how much of it is held. `vouchers`:
    per programme and beneficiary, in the order of issue. `trades`: in the order made, with how their contracts ended;
    one line of `trade_columns` each.
    """
    vouchers: dict[str, dict[str, list[dict[str, str]]]] = {}
    lots = set()
    for row in driver.rows("vouchers_balance"):
        lots.add(row["voucher_id"])
        mine = vouchers.setdefault(str(row["programme_id"]), {}).setdefault(str(row["beneficiary_id"]), [])
        mine.append({column: str(row[column]) for column in _LOT})
    accounts: dict[str, dict[str, dict[str, str]]] = {}
    for row in driver.rows("balances"):
        if row["asset"] not in lots:
            found = {"posted": str(row["posted"]), "held": str(row["held"])}
            accounts.setdefault(str(row["asset"]), {})[str(row["account"])] = found
    contracts = {row["contract_id"]: row for row in driver.rows("contracts")}
    trades = []
    for row in driver.rows("trades"):
        ended = contracts[row["trade_id"]]
        trades.append(" ".join([*(str(row[column]) for column in _DEAL), *(str(ended[column]) for column in _PAID)]))
    end = {"accounts": accounts, "vouchers": vouchers, "trade_columns": " ".join((*_DEAL, *_PAID)), "trades": trades}
    return {**end, "sha256": sha256(canonical(end)).hexdigest()}
