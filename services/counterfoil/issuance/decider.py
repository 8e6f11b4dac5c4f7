"""Issuance: who takes part, what is accepted, and how much of which budget becomes vouchers.

Issuance counts budgets in order to refuse what they do not cover; the ledger posts them. When a voucher ends, the
ledger's word is taken over into this log and the voucher is forgotten, so the state holds open vouchers only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from counterfoil.contract.events import KeyAdded, KeyRevoked, PartyRegistered, RulesAdopted
from counterfoil.contract.limits import MAX_KEYS_EVER, MAX_KEYS_PER_PARTY, MAX_SOURCES
from counterfoil.contract.record import Event
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.core.decider import COMMON, At, Decider, Decision, refuse
from counterfoil.core.directory import Party
from counterfoil.core.keys import key_id_of
from counterfoil.core.rules import LATEST, RULES
from counterfoil.issuance import programmes
from counterfoil.issuance import vouchers as issuing
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
from counterfoil.issuance.programmes import State
from counterfoil.ledger.events import VoucherCancelled, VoucherExpired
from counterfoil.log.errors import FormatError
from counterfoil.log.keys import check_public_key

# rules --------------------------------------------------------------------------------------------------------------


def _adopt_rules(state: State, body: AdoptRules, _actor: Party, _at: At) -> Decision:
    if body.replaces != state.rules.number:
        return refuse(Code.RULES_NOT_IN_FORCE, in_force=state.rules.number)
    if body.rules <= body.replaces:
        return refuse(Code.RULES_NOT_NEWER, in_force=state.rules.number)
    return [RulesAdopted(rules=body.rules, replaces=body.replaces, release=body.release)]


def _known(body: AdoptRules) -> Refusal | None:
    """This release cannot go on by rules that it does not know, and what it does not know must not be in the log."""
    return None if body.rules in RULES else refuse(Code.UNKNOWN_RULES, rules=body.rules, latest=LATEST)


# parties and keys ---------------------------------------------------------------------------------------------------


def _register_party(state: State, body: RegisterParty, _actor: Party, _at: At) -> Decision:
    if body.party_id in state.directory.parties:
        return refuse(Code.ALREADY_EXISTS, party_id=body.party_id)
    if not _acceptable(state, body.public_key):
        return refuse(Code.KEY_NOT_ACCEPTABLE)
    if len(set(body.roles)) < len(body.roles):
        return refuse(Code.DUPLICATE_ITEM, field="roles")
    if not body.roles:
        return refuse(Code.EMPTY_LIST, field="roles")
    key_id = key_id_of(body.public_key)
    return [
        PartyRegistered(party_id=body.party_id, name=body.name, roles=body.roles, group_id=body.group_id),
        KeyAdded(party_id=body.party_id, key_id=key_id, public_key=body.public_key),
    ]


def _add_key(state: State, body: AddKey, actor: Party, _at: At) -> Decision:
    party = state.directory.parties.get(body.party_id)
    if party is None:
        return refuse(Code.UNKNOWN_PARTY, party_id=body.party_id)
    if not _may_change_keys(actor, party):
        return refuse(Code.NOT_YOURS, party_id=body.party_id)
    if not _acceptable(state, body.public_key):
        return refuse(Code.KEY_NOT_ACCEPTABLE)
    if len(party.keys) >= MAX_KEYS_EVER:
        return refuse(Code.OVER_LIMIT, field="public_key", limit=MAX_KEYS_EVER)
    if party.keys_in_force() >= MAX_KEYS_PER_PARTY:
        return refuse(Code.OVER_LIMIT, field="public_key", limit=MAX_KEYS_PER_PARTY)
    return [KeyAdded(party_id=body.party_id, key_id=key_id_of(body.public_key), public_key=body.public_key)]


def _revoke_key(state: State, body: RevokeKey, actor: Party, _at: At) -> Decision:
    party = state.directory.parties.get(body.party_id)
    if party is None:
        return refuse(Code.UNKNOWN_PARTY, party_id=body.party_id)
    if not party.keys.get(body.key_id, (b"", False))[1]:
        return refuse(Code.UNKNOWN_KEY_ID, key_id=body.key_id)
    if not _may_change_keys(actor, party):
        return refuse(Code.NOT_YOURS, party_id=body.party_id)
    if party.keys_in_force() == 1:
        return refuse(Code.LAST_KEY, key_id=body.key_id)
    return [KeyRevoked(party_id=body.party_id, key_id=body.key_id, reason=body.reason)]


def _may_change_keys(actor: Party, party: Party) -> bool:
    return actor.party_id == party.party_id or "operator" in actor.roles


def _acceptable(state: State, public_key: bytes) -> bool:
    """Sound, and never used before by anybody: a revoked key stays revoked, and a key id names one key."""
    if key_id_of(public_key) in state.key_ids:
        return False
    try:
        check_public_key(public_key)
    except FormatError:
        return False
    return True


def _key_added(state: State, event: KeyAdded, _at: At) -> None:
    state.directory.key_added(event)
    state.key_ids.add(event.key_id)


# classes ------------------------------------------------------------------------------------------------------------


def _register_class(state: State, body: RegisterClass, _actor: Party, _at: At) -> Decision:
    last = state.classes.get(body.class_id, 0)
    if body.version != last + 1:
        return refuse(Code.VERSION_NOT_NEXT, next=last + 1)
    if len(body.sources) > MAX_SOURCES:
        return refuse(Code.OVER_LIMIT, field="sources", limit=MAX_SOURCES)
    return [
        ClassRegistered(
            class_id=body.class_id,
            version=body.version,
            description=body.description,
            mem_mb=body.mem_mb,
            gpus_per_node=body.gpus_per_node,
            bf16_mtflops_nominal=body.bf16_mtflops_nominal,
            bf16_mtflops_attested=body.bf16_mtflops_attested,
            interconnect=body.interconnect,
            sources=body.sources,
        )
    ]


def _class_registered(state: State, event: ClassRegistered, _at: At) -> None:
    state.classes[event.class_id] = event.version


# the ledger's word --------------------------------------------------------------------------------------------------


def _ended(state: State, event: VoucherExpired | VoucherCancelled, _at: At) -> Sequence[Event]:
    """Take the end of a voucher over word for word, and say what may be issued again.

    The ledger reports a voucher's end for its unheld value, and again for what a later release gives back.
    """
    ended: list[Event] = [event] if event.voucher_id in state.vouchers else []
    recycled = event.recycled if isinstance(event, VoucherExpired) else True
    if recycled and event.amount > 0 and event.programme_id in state.programmes:  # else another shard's
        uncommitted = state.programmes[event.programme_id].uncommitted + event.amount
        ended.append(
            BudgetRecycled(
                programme_id=event.programme_id,
                voucher_id=event.voucher_id,
                amount=event.amount,
                uncommitted_after=uncommitted,
            )
        )
    return ended


DECIDER: Final = Decider(
    service="issuance",
    initial=State,
    commands={
        AdoptRules: _adopt_rules,
        RegisterParty: _register_party,
        AddKey: _add_key,
        RevokeKey: _revoke_key,
        RegisterClass: _register_class,
        PublishProgramme: programmes.publish_programme,
        AppropriateBudget: programmes.appropriate_budget,
        ListProvider: programmes.list_provider,
        IssueVoucher: issuing.issue_voucher,
        SuspendVoucher: issuing.suspend_voucher,
        ReinstateVoucher: issuing.reinstate_voucher,
        RevokeVoucher: issuing.revoke_voucher,
    },
    reactions={
        "ledger": {
            VoucherExpired: _ended,
            VoucherCancelled: _ended,
        },
    },
    ready={},
    timers={},
    due=lambda _state: None,
    evolve={
        **COMMON,
        KeyAdded: _key_added,
        ClassRegistered: _class_registered,
        ProgrammePublished: programmes.programme_published,
        BudgetAppropriated: programmes.budget_appropriated,
        BudgetRecycled: programmes.budget_recycled,
        ProviderListed: programmes.provider_listed,
        VoucherIssued: issuing.voucher_issued,
        VoucherSuspended: issuing.voucher_suspended,
        VoucherReinstated: issuing.voucher_reinstated,
        VoucherRevoked: issuing.voucher_revoked,
        VoucherExpired: issuing.voucher_ended,
        VoucherCancelled: issuing.voucher_ended,
    },
    records=State.records,
    intake={AdoptRules: _known},
)
