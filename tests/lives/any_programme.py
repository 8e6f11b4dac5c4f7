"""Programme documents that nobody wrote: every type of rule, in any combination that chance makes."""

from __future__ import annotations

from typing import Any, Final

from tests.properties.moves import Choice

Data = dict[str, Any]

MODELS: Final = (
    "POST_USE_REIMBURSEMENT", "APPLY_THEN_CLAIM", "APPLY_THEN_DEDUCT", "DEDUCT_AT_PROVIDER", "DISCOUNT_AT_PROVIDER",
    "IN_KIND",
)  # fmt: skip
RATES: Final = ("20%", "1/2", "2/3", "60%", "100%")
FACTS: Final[dict[str, Any]] = {
    "registered_in": "CN-SC", "employees": "9", "founded_on": "2025-06-01", "legal_form": "ENTERPRISE",
    "pilot": "true", "track": "GENERAL", "accelerator_origin": "DOMESTIC", "gpu_hours": "40", "workload": "TRAINING",
    "ends_on": "2026-09-30", "licensed_bank": "true",
}  # fmt: skip
"""What everybody attests of everything: most conditions below hold by these."""
OF_PARTY: Final = ("registered_in", "employees", "founded_on", "legal_form", "pilot", "licensed_bank")
CONDITIONS: Final[tuple[Data, ...]] = (
    {"fact": "registered_in", "is": "CN-SC"}, {"fact": "employees", "below": 50},
    {"fact": "founded_on", "within_months": 36}, {"fact": "legal_form", "in": ["ENTERPRISE", "UNIVERSITY"]},
    {"fact": "pilot", "is": True}, {"fact": "last_penalty_on", "not_within_months": 36},
    {"any": [{"fact": "employees", "above": 90}, {"fact": "pilot", "is": True}]},
    {"not": {"fact": "registered_in", "is": "CN-BJ"}}, {"fact": "awards", "at_most": 1},
)  # fmt: skip
OF_LINE: Final[tuple[Data, ...]] = (
    {"fact": "accelerator_origin", "is": "DOMESTIC"}, {"fact": "track", "is": "GENERAL"}, {"fact": "pilot", "is": True},
    {"fact": "pilot", "is": False},
)  # fmt: skip
PERIODS: Final[tuple[Data, ...]] = (
    {"kind": "PROGRAMME"}, {"kind": "CALENDAR_YEAR"}, {"kind": "CALENDAR_QUARTER"}, {"kind": "CALENDAR_MONTH"},
    {"kind": "FISCAL_YEAR", "starts": "04-01"}, {"kind": "ROLLING", "months": 3}, {"kind": "LIFETIME"},
)  # fmt: skip
SCOPES: Final = ("CONTRACT", "PROJECT", "BENEFICIARY", "GROUP", "FUNDING_AWARD", "PROVIDER", "PROGRAMME")
EVENTS: Final = (["GRANTED"], ["GRANTED"], ["APPLIED", "PAID"], ["PAID"], ["APPLIED", "GRANTED", "PAID"])
WINDOWS: Final[tuple[Data, ...]] = (
    {"kind": "ROLLING"}, {"kind": "MONTHLY", "opens": 1, "closes": 28}, {"kind": "QUARTERLY"},
    {"kind": "ANNUAL", "opens": "01-04", "closes": "12-23"},
)  # fmt: skip
EXPIRIES: Final[tuple[Data, ...]] = (
    {"kind": "FIXED", "on": "2026-11-30"}, {"kind": "RELATIVE", "after_days": 200}, {"kind": "PROJECT_END"},
    {"kind": "PERIOD_END", "period": {"kind": "CALENDAR_YEAR"}}, {"kind": "NONE"},
    {"kind": "RELATIVE", "after_days": 90}, {"kind": "INACTIVITY", "after_months": 9},
    {"kind": "CLAIM_WINDOW", "opens": "2026-01-04", "closes": "2026-10-23"},
)  # fmt: skip


class Author:
    """Writes a document by chance; `pick` decides what each rule is, and which there are."""

    def __init__(self, pick: Choice) -> None:
        self.pick = pick
        self.in_kind = False

    def writes(self) -> Data:
        """A document of programme p9, valid in 2026."""
        model = self.pick.one(MODELS)
        self.in_kind = model == "IN_KIND"
        value: Data = {
            "schema": "counterfoil.programme/1", "id": "p9", "title": {"en": "A programme"},
            "issuer": {"name": "The city"}, "valid": self._valid(), "legal_basis": [{"title": "A notice"}],
            "unit": {"kind": "COMPUTE", "unit": "GPU_HOUR"} if self.in_kind else {"kind": "MONEY", "currency": "CNY"},
            "facts": [{
                "name": "pilot", "kind": "FLAG", "of": "APPLICANT", "text": "Is one",
                "attested_by": self.pick.one(("ANY", "ISSUER")), "valid_months": self.pick.one((None, 12)),
            }],
            "budget": self._budget(), "benefit": self._benefit(model), "providers": self._providers(),
            "scope": self._scope(), "redemption": self._redemption(model), "transfer": self._transfer(model),
            "expiry": self._expiry(), "spending": self._spending(), "control": self._control(),
        }  # fmt: skip
        for name, part in (
            ("eligibility", self._eligibility), ("review", self._review), ("applications", self._applications),
            ("contract", self._contract),
        ):  # fmt: skip
            if self._perhaps():
                value[name] = part()
        if self._perhaps():
            value["publication"] = {"fields": ["BENEFICIARY", "AMOUNT"], "notice_days": self.pick.one((0, 3))}
        if value["expiry"]["rule"]["kind"] == "PROJECT_END" and not self.pick.rarely():
            value["scope"]["purpose_bound"] = True
        for name, part in self._kept().items():
            if self.pick.rarely():
                value[name] = part
        made: Data = without_none(value)
        return made

    def _kept(self) -> Data:
        """What is recorded and shown, and decides nothing by itself."""
        return {
            "reporting": {"progress_days": [90], "final_within_days": 60, "figures": ["GPU_HOURS"]},
            "records": {"evidence_months": 60}, "delivery": {"report_hours": 24, "dispute_hours": 12},
            "provenance": {"grade": "T2", "assumed": ["everything"]},
            "conversions": [{"from_unit": "CARD_HOUR", "rate": "1.5"}],
        }  # fmt: skip

    def _perhaps(self) -> bool:
        return bool(self.pick.number(0, 1))

    def _some(self, items: Any, most: int) -> list[Any]:
        return [self.pick.one(items) for _ in range(self.pick.number(0, most))]

    def _amount(self, *amounts: str) -> str:
        return self.pick.one(amounts)

    def _valid(self) -> Data:
        return {
            "start": "2026-01-01", "end": self.pick.one((None, "2026-12-31")),
            "utc_offset": self.pick.one(("+00:00", "+08:00", "-03:30")),
        }  # fmt: skip

    def _budget(self) -> Data:
        mode = self.pick.one(("FIRST_COME", "FIRST_COME", "RANKED", "PRO_RATA", "LOTTERY", "QUEUE", "TOTAL_CONTROL"))
        made: Data = {
            "envelopes": [{
                "id": "main", "period": self.pick.one(PERIODS), "amount": self.pick.one((None, "900", "100000")),
                "rolls_over": self._perhaps(),
            }],
            "exhaustion": {"mode": mode, "partial": self._perhaps()},
        }  # fmt: skip
        if self._perhaps() and not self.in_kind:
            made["funding"] = [{"payer": "city", "share": "2/3"}, {"payer": "district", "share": "1/3"}]
        return made

    def _benefit(self, model: str) -> Data:
        tiers: list[Data] = [{"id": "rest", "rate": self.pick.one(RATES)}]
        if self._perhaps():
            tiers.insert(0, {"id": "small", "rate": self.pick.one(RATES), "when": self.pick.one(OF_LINE)})
        if self.pick.rarely():
            tiers[0]["until"] = "1000"
        bases = ("ALLOCATION",) if self.in_kind else ("INVOICE_LINE", "CONTRACT_APPROVED", "SETTLED", "METERED_LINE")
        made: Data = {
            "basis": self.pick.one(bases), "tiers": tiers, "tier_order": self.pick.one(("FIRST", "HIGHEST", "LOWEST")),
            "caps": [self._cap(number) for number in range(self.pick.number(0, 3))],
            "rounding": {
                "mode": self.pick.one(("TRUNCATE", "HALF_UP", "HALF_EVEN")), "at_each_step": self._perhaps(),
                "quantum": self.pick.one(("0.01", "1")),
            },
            "tax": self.pick.one(("INCLUDING", "EXCLUDING")),
        }  # fmt: skip
        if self.pick.rarely():
            made["floor"] = {"measure": self.pick.one(("ELIGIBLE_AMOUNT", "SUBSIDY")), "amount": "10"}
        if self.pick.rarely():
            made["stacking"] = [{"other": "other-programme", "allowed": True, "aggregate_max": "100%"}]
        if self.pick.rarely() and not self.in_kind:
            made["co_payment"] = {"min_share": "10%", "proof": self.pick.one(([], ["INVOICE"]))}
        if self.pick.rarely():
            made["retention"] = {"share": "5%", "release_after_days": 30}
        if self.pick.rarely():
            made["tranches"] = [
                {"share": "1/2", "release_on": "ISSUE"},
                {"share": "1/2", "release_on": self.pick.one(("ISSUER_DECISION", "DATE")), "after_days": 40},
            ]  # fmt: skip
        if self.pick.rarely():
            tiers[0]["max_months"] = 6
        if self.pick.rarely() and not self.in_kind:
            made["regimes"] = [{
                "regime": "DE_MINIMIS", "ceiling": "700", "months": 36, "excess": self.pick.one(("CUT", "REFUSE")),
                "unit": self.pick.one(("GROUP", "BENEFICIARY")), "counts_on": self.pick.one(("GRANTED", "PAID")),
            }]  # fmt: skip
        return made

    def _cap(self, number: int) -> Data:
        cap: Data = {
            "id": f"cap-{number}", "scope": self.pick.one(SCOPES), "period": self.pick.one(PERIODS),
            "of": self.pick.one(("SUBSIDY", "SUBSIDY", "ELIGIBLE_AMOUNT", "QUANTITY", "GRANTS")),
            "counts": self.pick.one(EVENTS),
        }  # fmt: skip
        if self.pick.rarely():
            return {**cap, "set_at_approval": True}
        if self.pick.rarely():
            cap["waived_when"] = self.pick.one(CONDITIONS)
        return {**cap, "amount": self._amount("100", "500", "5000")}

    def _eligibility(self) -> list[Data]:
        chosen = self._some(CONDITIONS, 3)
        return [{"id": f"rule_{number}", "when": each} for number, each in enumerate(chosen)]

    def _review(self) -> Data:
        steps: list[Data] = [{"authority": "issuer", "within_days": self.pick.one((None, 5))}]
        if self._perhaps():
            steps.append({"authority": "operator", "up_to": self.pick.one((None, "300"))})
        return {"steps": steps, "scored": self._perhaps()}

    def _applications(self) -> Data:
        return {
            "windows": self.pick.one((None, *WINDOWS)), "max_awards": self.pick.one((None, 1, 3)),
            "max_awards_period": self.pick.one((None, "CALENDAR_YEAR")), "first_time_only": self.pick.rarely(),
        }  # fmt: skip

    def _contract(self) -> Data:
        return {
            "signed_from": self.pick.one((None, "2025-06-01")), "max_term_days": self.pick.one((None, 366)),
            "vouchers_per_contract": self.pick.one((None, 1)), "prior_costs_excluded": self._perhaps(),
            "arms_length": self.pick.one((None, {"ownership_source": "Attested groups"})),
        }  # fmt: skip

    def _providers(self) -> Data:
        mode = self.pick.one(("OPEN", "REGISTER", "TENDER"))
        made: Data = {
            "mode": mode,
            "registry": None if mode == "OPEN" else "Providers",
            "may_be_beneficiary": self._perhaps(),
        }
        if self.pick.rarely():
            made["price_ceiling"] = {
                "kind": "NOT_TO_EXCEED", "per_unit": {"GPU_COMPUTE": "20"},
                "on_excess": self.pick.one(("CUT", "REJECT")),
            }  # fmt: skip
        return made

    def _scope(self) -> Data:
        return {
            "include": self.pick.one(([], ["GPU_COMPUTE"])), "exclude": self.pick.one(([], ["STORAGE"])),
            "classes": self.pick.one(("ANY", ["a100"])), "regions": self.pick.one(("ANY", ["east"])),
            "purpose_bound": self.pick.rarely(), "line_when": self.pick.one((None, None, OF_LINE[0])),
        }  # fmt: skip

    def _redemption(self, model: str) -> Data:
        claimants = {
            "POST_USE_REIMBURSEMENT": ("BENEFICIARY",), "APPLY_THEN_CLAIM": ("BENEFICIARY", "EITHER"),
            "IN_KIND": ("NONE",), "DISCOUNT_AT_PROVIDER": ("PROVIDER",),
        }.get(model, ("PROVIDER", "EITHER"))  # fmt: skip
        return {
            "model": model, "claimant": self.pick.one(claimants), "windows": self.pick.one((None, *WINDOWS)),
            "claim_within_days": self.pick.one((None, 90)), "unspent_cut": self.pick.one(("AVAILABLE", "REVOKED")),
            "evidence": self.pick.one(([], [{"type": "INVOICE"}, {"type": "CONTRACT", "required": False}])),
            "reference_start": self.pick.one((None, None, "2026-01-10")),
        }  # fmt: skip

    def _transfer(self, model: str) -> Data:
        modes = ("NONE", "INTRA_GROUP", "ISSUER_APPROVED", "SURRENDER_REISSUE", "CLOSED_MARKET", "OPEN")
        mode = "NONE" if model == "POST_USE_REIMBURSEMENT" and not self.pick.rarely() else self.pick.one(modes)
        if mode == "NONE":
            return {"mode": mode}
        made: Data = {
            "mode": mode,
            "price_rule": self.pick.one(("FREE", "GIFT_ONLY")), "max_hops": self.pick.one((None, 1)),
            "fee": self.pick.one(("0%", "1%")), "cooling_off_days": self.pick.one((0, 2)),
            "pledge": self.pick.one((None, {"allowed": True, "max_share": "80%"})),
        }  # fmt: skip
        if self.pick.rarely():
            made["to"] = self.pick.one(CONDITIONS)
        return made

    def _expiry(self) -> Data:
        return {
            "rule": self.pick.one(EXPIRIES), "notices_days": self.pick.one(([], [30, 7])),
            "offline_days": self.pick.one((None, None, 5)), "grace_days": self.pick.one((0, 10)),
            "extension_days": self.pick.one((None, 30)), "restore_within_days": self.pick.one((None, 10)),
            "expunge_days": self.pick.one((None, 20)), "recycle_to": self.pick.one(("APPROPRIATION", "LAPSED")),
        }  # fmt: skip

    def _spending(self) -> Data:
        return {
            "partial": not self.pick.rarely(), "order": self.pick.one(("EXPIRY_FIRST", "SMALLEST_FIRST")),
            "hold_tolls_expiry": self._perhaps(), "minimum": self.pick.one((None, None, {"amount": "1"})),
        }  # fmt: skip

    def _control(self) -> Data:
        return {
            "freeze": self.pick.one((None, {"grounds": ["INQUIRY"], "max_days": 30})),
            "revoke_grounds": self.pick.one(([], ["FRAUD"])),
            "clawback": self.pick.one((None, {"grounds": ["FRAUD"], "share": "80%", "lookback_months": 12})),
            "appeal": self.pick.one((None, {"within_days": 10, "stays": self._perhaps()})),
            "watch": self.pick.one((None, {"days": 30, "signals": ["INVOICE_CANCELLED"]})),
            "sanction": self.pick.one((None, {"ban_months": 12})),
        }  # fmt: skip


def without_none(value: Any) -> Any:
    """The same without members that are None."""
    if isinstance(value, dict):
        return {name: without_none(each) for name, each in value.items() if each is not None}
    return [without_none(each) for each in value] if isinstance(value, list) else value
