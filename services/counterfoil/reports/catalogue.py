"""Every report, each listed once."""

from __future__ import annotations

from typing import Final

from counterfoil.reports.alerts import R9
from counterfoil.reports.budget_reports import R1, R6
from counterfoil.reports.report import Report
from counterfoil.reports.voucher_reports import R2, R7

REPORTS: Final[dict[str, Report]] = {each.id: each for each in (R1, R2, R6, R7, R9)}
"""By id, in order."""
