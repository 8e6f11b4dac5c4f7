"""Issuance: admits parties and their keys, accelerator classes, programmes and providers; issues vouchers from budgets.

Its log, ``HOST/issuance/SHARD``, begins with the operator, who admits all other parties; issuers publish programmes,
appropriate their budgets, list providers, and issue, suspend, reinstate and revoke vouchers. Every other service
mirrors the parties and keys, and what else it needs, from here.

It reacts to the ledger's ``voucher.expired`` and ``voucher.cancelled``: it mirrors the first one of each voucher,
and records for each what came back to the programme's budget (``budget.recycled``). It has no timers; the
ledger sweeps expired vouchers.
"""
