"""A market founded through the command line: parties, rules, money, and one trade."""

from __future__ import annotations

import time
from pathlib import Path

from counterfoil.contract.times import format_hour
from tests.e2e.running import Shell, eventually

PARTIES = {"springfield": "issuer", "norn": "provider", "acme": "beneficiary", "treasury": "treasurer"}
PROGRAMME = "springfield-2026"
DOCUMENT = """\
schema: counterfoil.programme/1
id: springfield-2026
title: {en: Compute vouchers of Springfield}
issuer: {name: City of Springfield (fictional)}
legal_basis: [{title: Council decision 12/2026 (fictional)}]
valid: {start: "2026-01-01", end: "2098-12-31"}
unit: {kind: MONEY, currency: USD}
budget: {envelopes: [{id: main, period: {kind: PROGRAMME}}], exhaustion: {mode: FIRST_COME}}
benefit:
  basis: METERED_LINE
  tiers: [{id: share, rate: 3/4}]
  caps: [{id: each, scope: GROUP, period: {kind: PROGRAMME}, amount: "50000"}]
  rounding: {mode: TRUNCATE, quantum: "0.01"}
scope: {classes: [a100-80gb], regions: [eu-west]}
contract: {arms_length: {ownership_source: Groups that the operator attests}}
providers: {mode: REGISTER, registry: Listed providers}
redemption: {model: DEDUCT_AT_PROVIDER, claimant: PROVIDER}
transfer: {mode: NONE}
expiry: {rule: {kind: RELATIVE, after_days: 365}}
"""
NOW_HOUR = int(time.time()) // 3_600
FIRST, LAST, END = (format_hour(NOW_HOUR + hours) for hours in (4, 8, 30))
BLOCK = ("--class", "a100-80gb", "--region", "eu-west")


def found_a_market(shell: Shell, folder: Path) -> None:
    """Create parties, a class, a programme with a budget, a voucher and cash; returns when the ledger has them."""
    for name, role in PARTIES.items():
        shell.ok("keys", "new", name)
        shell.ok("party", "register", name, "--name", name.title(), "--role", role, "--as", "operator")
    shell.ok("class", "register", "a100-80gb", "--description", "A100", "--memory-mb", "81920", "--gpus-per-node", "8",
             "--as", "operator")  # fmt: skip
    rules = folder / "programme.yaml"
    rules.write_text(DOCUMENT)
    shell.ok("programme", "publish", rules, "--as", "springfield")
    shell.ok("programme", "appropriate", PROGRAMME, "--amount", "900000", "--document", "B-1", "--as", "springfield")
    shell.ok("programme", "list-provider", PROGRAMME, "norn", "--as", "springfield")
    issue = ("voucher", "issue", "--programme", PROGRAMME, "--beneficiary", "acme")
    shell.ok(*issue, "--amount", "1000", "--as", "springfield")
    for party, amount in (("acme", "500"), ("norn", "5000.5")):
        deposit = ("balance", "deposit", party, "--currency", "USD", "--amount", amount, "--reference", f"IN-{party}")
        shell.soon(*deposit, "--as", "treasury")
    eventually(lambda: all(shell.ok("balance", "show", "acme").values()))


def trade(shell: Shell) -> None:
    """Post an offer and a bid that match."""
    offer = ("offer", "post", *BLOCK, "--nodes", "4", "--from", FIRST, "--until", END, "--price", "1.80")
    shell.soon(*offer, "--as", "norn")
    eventually(lambda: shell.ok("offer", "list", "--where", "status=open"))
    bid = ("bid", "place", "--programme", PROGRAMME, *BLOCK, "--nodes", "1", "--hours", "6", "--price", "2.00")
    shell.soon(*bid, "--earliest", FIRST, "--latest", LAST, "--as", "acme")
