"""The declaration of this service: what it decides, consumes and shows."""

from __future__ import annotations

from typing import Final

from counterfoil.contract.events import KeyAdded, PartyRecovered, PartyRegistered, RecoveryKeySet, WriterResumed
from counterfoil.core.decider import COMMON, Decider
from counterfoil.issuance import budgets, classes, groups, keys, parties, programmes, recoveries, rules, vouchers
from counterfoil.issuance.commands import (
    AddKey,
    AddKeyV1,
    AdoptRules,
    AppropriateBudget,
    AttestGroup,
    CloseParty,
    IssueVoucher,
    ListProvider,
    ObjectToRecovery,
    ProposeRecovery,
    PublishProgramme,
    RecoverParty,
    RegisterClass,
    RegisterParty,
    RegisterPartyV1,
    ReinstateVoucher,
    RevokeKey,
    RevokeVoucher,
    SetRecoveryKey,
    SuspendVoucher,
)
from counterfoil.issuance.events import (
    BudgetAppropriated,
    BudgetRecycled,
    ClassRegistered,
    ProgrammePublished,
    ProviderListed,
    RecoveryEnded,
    RecoveryProposed,
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
        RegisterPartyV1: parties.register_party_v1,
        RegisterParty: parties.register_party,
        CloseParty: parties.close_party,
        AddKeyV1: keys.add_key_v1,
        AddKey: keys.add_key,
        RevokeKey: keys.revoke_key,
        SetRecoveryKey: keys.set_recovery_key,
        RecoverParty: recoveries.recover_party,
        ProposeRecovery: recoveries.propose_recovery,
        ObjectToRecovery: recoveries.object_to_recovery,
        AttestGroup: groups.attest_group,
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
    timers={recoveries.TIMER: recoveries.come_into_force},
    due=recoveries.next_due,
    evolve={
        **COMMON,
        WriterResumed: recoveries.writer_resumed,
        PartyRegistered: parties.party_registered,
        KeyAdded: keys.key_added,
        RecoveryKeySet: keys.recovery_key_set,
        RecoveryProposed: recoveries.recovery_proposed,
        RecoveryEnded: recoveries.recovery_ended,
        PartyRecovered: recoveries.party_recovered,
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
