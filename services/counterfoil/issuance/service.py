"""The declaration of this service: what it decides, consumes and shows."""

from __future__ import annotations

from typing import Final

from counterfoil.contract.events import KeyAdded
from counterfoil.core.decider import COMMON, Decider
from counterfoil.issuance import budgets, classes, parties, programmes, rules, vouchers
from counterfoil.issuance.commands import (
    AddKey,
    AdoptRules,
    AppropriateBudget,
    IssueVoucher,
    ListProvider,
    PublishProgramme,
    RegisterClass,
    RegisterParty,
    ReinstateVoucher,
    RevokeKey,
    RevokeVoucher,
    SuspendVoucher,
)
from counterfoil.issuance.events import (
    BudgetAppropriated,
    BudgetRecycled,
    ClassRegistered,
    ProgrammePublished,
    ProviderListed,
    VoucherIssued,
    VoucherReinstated,
    VoucherRevoked,
    VoucherSuspended,
)
from counterfoil.issuance.state import IssuanceState
from counterfoil.issuance.views import REDUCERS, VIEWS
from counterfoil.ledger.events import VoucherCancelled, VoucherExpired
from counterfoil.service import Service

DECIDER: Final = Decider(
    service="issuance",
    initial=IssuanceState,
    commands={
        AdoptRules: rules.adopt_rules,
        RegisterParty: parties.register_party,
        AddKey: parties.add_key,
        RevokeKey: parties.revoke_key,
        RegisterClass: classes.register_class,
        PublishProgramme: programmes.publish_programme,
        AppropriateBudget: budgets.appropriate_budget,
        ListProvider: programmes.list_provider,
        IssueVoucher: vouchers.issue_voucher,
        SuspendVoucher: vouchers.suspend_voucher,
        ReinstateVoucher: vouchers.reinstate_voucher,
        RevokeVoucher: vouchers.revoke_voucher,
    },
    reactions={
        "ledger": {
            VoucherExpired: vouchers.take_over_end,
            VoucherCancelled: vouchers.take_over_end,
        },
    },
    ready={},
    timers={},
    due=lambda _state: None,
    evolve={
        **COMMON,
        KeyAdded: parties.key_added,
        ClassRegistered: classes.class_registered,
        ProgrammePublished: programmes.programme_published,
        BudgetAppropriated: budgets.budget_appropriated,
        BudgetRecycled: budgets.budget_recycled,
        ProviderListed: programmes.provider_listed,
        VoucherIssued: vouchers.voucher_issued,
        VoucherSuspended: vouchers.voucher_suspended,
        VoucherReinstated: vouchers.voucher_reinstated,
        VoucherRevoked: vouchers.voucher_revoked,
        VoucherExpired: vouchers.voucher_ended,
        VoucherCancelled: vouchers.voucher_ended,
    },
    intake={AdoptRules: rules.known_here},
)

SERVICE: Final = Service(DECIDER, VIEWS, REDUCERS)
