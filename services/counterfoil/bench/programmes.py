"""What the evaluation of an invoice costs, by a programme of ten tiers and ten caps."""

from __future__ import annotations

import time
from typing import Any, Final

from counterfoil.bench.figure import Figure, ReportFigure
from counterfoil.programme.benefit import evaluate
from counterfoil.programme.reading import read_document
from counterfoil.programme.reading_case import read_case
from counterfoil.programme.rules import rules_of

LINES: Final = (1, 10, 1_000)
"""Of one invoice."""
_RULES: Final = 10
_TOTAL: Final = 2_000  # lines for each figure


def _document() -> dict[str, Any]:
    """Tiers of which the last one applies, and caps that are all counted and not reached."""
    year = {"kind": "CALENDAR_YEAR"}
    tiers = [{"id": f"t{n}", "rate": "1/2", "when": {"fact": "employees", "above": 500 + n}} for n in range(_RULES - 1)]
    caps = [
        {"id": f"c{n}", "scope": "GROUP", "period": year, "amount": "900000000", "counts": ["APPLIED", "GRANTED"]}
        for n in range(_RULES)
    ]
    benefit = {
        "basis": "INVOICE_LINE",
        "tier_order": "FIRST",
        "tiers": [*tiers, {"id": "last", "rate": "30%"}],
        "caps": caps,
        "rounding": {"mode": "TRUNCATE", "quantum": "0.01"},
    }
    return {
        "schema": "counterfoil.programme/1",
        "id": "bench",
        "title": {"en": "Bench"},
        "issuer": {"name": "Bench"},
        "valid": {"start": "2026-01-01"},
        "unit": {"kind": "MONEY", "currency": "CNY"},
        "budget": {"envelopes": [{"id": "all", "period": year}], "exhaustion": {"mode": "FIRST_COME"}},
        "benefit": benefit,
        "eligibility": [{"id": "small", "when": {"fact": "employees", "below": 250}}],
        "providers": {"mode": "OPEN"},
        "redemption": {"model": "DEDUCT_AT_PROVIDER", "claimant": "PROVIDER"},
        "transfer": {"mode": "NONE"},
        "expiry": {"rule": {"kind": "RELATIVE", "after_days": 90}},
    }


def evaluations(report: ReportFigure) -> None:
    """Lines evaluated, by the number of lines of an invoice: what an invoice costs at all is divided among them."""
    rules = rules_of(read_document(_document()))
    fact = {"name": "employees", "value": 30, "attested_by": "operator", "on": "2026-01-01"}
    for count in LINES:
        lines = [{"id": f"{n}", "sku": "GPU_COMPUTE", "amount": "1234.56"} for n in range(count)]
        case = read_case(rules, {"day": "2026-03-01", "subjects": {"GROUP": "acme"}, "facts": [fact], "lines": lines})
        rounds = _TOTAL // count
        began = time.process_time_ns()
        for _ in range(rounds):
            evaluate(rules, case)
        spent = (time.process_time_ns() - began) // 1_000_000
        workload = f"lines of invoices of {count}, {_RULES} tiers, {_RULES} caps"
        report(Figure("programme lines evaluated", workload, rounds * count, spent))
