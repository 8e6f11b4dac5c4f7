"""Ledger: the only place where a balance changes. Keeps budgets, vouchers and cash; holds them for orders and trades.

Its log, ``HOST/ledger/SHARD``, states every posting as a leg between two accounts with the two balances after it.
Treasurers deposit and withdraw cash; everything else follows from the other logs: budgets and vouchers from issuance,
holds and trades from matching, captures, ends of contracts and payments from redemption. A timer sweeps expired
vouchers.

`commands` and `events` define its messages; `service` declares what it decides, consumes and shows.
"""
