"""Every report, each listed once."""

from __future__ import annotations

from typing import Final

from counterfoil.reports.aid_reports import R8
from counterfoil.reports.alerts import R9
from counterfoil.reports.budget_reports import R1, R6
from counterfoil.reports.claim_reports import R4, R5
from counterfoil.reports.decision_reports import R3, R10
from counterfoil.reports.disclosure import R13
from counterfoil.reports.integrity import R14
from counterfoil.reports.market_reports import R16
from counterfoil.reports.outcome_reports import R11, R12
from counterfoil.reports.report import Report
from counterfoil.reports.sample import R15
from counterfoil.reports.voucher_reports import R2, R7

REPORTS: Final[dict[str, Report]] = {
    each.id: each for each in (R1, R2, R3, R4, R5, R6, R7, R8, R9, R10, R11, R12, R13, R14, R15, R16)
}
"""By id, in order."""
