"""How a world of the newest rules ends: every programme runs off, what is open is finished, and all are closed.

Who issues a programme is asked of the world, so that any programmes may be in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from counterfoil.contract.times import DAY
from counterfoil.issuance.commands import (
    AttestGroup,
    CloseWindow,
    DecideApplication,
    RecoverParty,
    ReinstateParty,
    ReinstateProvider,
    ReturnVoucher,
    WithdrawApplication,
)
from counterfoil.issuance.run_off_commands import BeginRunOff
from counterfoil.ledger.chart import owner
from counterfoil.ledger.closing import reconciled
from counterfoil.ledger.closing_events import ProgrammeClosed
from counterfoil.ledger.commands import CloseProgramme, SurrenderVoucher
from counterfoil.programme.expiry import NEVER
from counterfoil.redemption.commands import (
    CloseSettlement,
    ConfirmPayment,
    ConfirmRecovery,
    DecideAppeal,
    RejectClaim,
    SubmitClaim,
    WriteOff,
)
from counterfoil.redemption.payer_commands import ConfirmShare
from counterfoil.vocabulary import CODEC
from tests.paper_work import approve
from tests.possession import proven
from tests.properties.moves import Move
from tests.properties.world import World

SEED = bytes(range(32))
"""Of a lottery."""
_STEP = 100 * DAY
_ROUNDS = 12
_FEN = 10_000


def wind_down(world: World) -> None:
    """Close every programme, trying again until nothing is open; the books of each add up."""
    issuers = {name: each.current.issuer_id for name, each in sorted(world.state("issuance").programmes.items())}
    for programme_id, issuer in issuers.items():
        world.submit(issuer, BeginRunOff(programme_id=programme_id, reason="over"))
    phases = world.state("ledger").phases
    for nth in range(_ROUNDS):
        for programme_id, issuer in issuers.items():
            world.submit(issuer, CloseProgramme(programme_id=programme_id, reason="over"))
        world.settle()
        if set(phases.values()) == {"closed"}:
            break
        for make in (_free, _answer, _give_back, _claim, _decide, _settle, _pay):
            for actor, body in make(world, nth):
                world.submit(actor, body)
            world.settle()
        world.clock += _STEP
        world.settle()
    assert phases == dict.fromkeys(issuers, "closed"), world.refusals
    entries = map(CODEC.decode_entry, world.logs["ledger"])
    ends = [event for entry in entries for event in entry.events if isinstance(event, ProgrammeClosed)]
    assert len(ends) == len(issuers)
    assert all(reconciled(end.books) for end in ends)


def _issuer(world: World, programme_id: str) -> str:
    return str(world.state("issuance").programmes[programme_id].current.issuer_id)


def _free(world: World, nth: int) -> Iterator[Move]:
    """Whoever has left, is stopped, or is related to whom it deals with, is so no longer."""
    state = world.state("issuance")
    for number, (party_id, party) in enumerate(sorted(state.directory.parties.items()), 200 + 50 * nth):
        if party.closed:
            yield party_id, RecoverParty(key=proven(number, party_id, world.host), recovery_key=None)
        if party.suspended:
            yield "operator", ReinstateParty(party_id=party_id, reason="over")
        if party.group_id != party_id and party_id != "operator":
            yield "operator", AttestGroup(party_id=party_id, group_id=party_id, since=None, source="register")
    for (programme_id, provider_id), listing in sorted(state.listings.items()):
        if listing == "suspended":
            yield (
                _issuer(world, programme_id),
                ReinstateProvider(programme_id=programme_id, provider_id=provider_id, reason="over"),
            )


def _answer(world: World, _nth: int) -> Iterator[Move]:
    """Whoever applied is rejected, unless a window decides; where the issuer cannot, it withdraws."""
    state = world.state("issuance")
    for window_id, window in sorted(state.windows.open.items()):
        yield _issuer(world, window.programme_id), CloseWindow(window_id=window_id, seed=SEED)
    for application_id, each in sorted(state.applications.open.items()):
        no = DecideApplication(application_id=application_id, decision="rejected", caps=(), reason="over")
        yield _issuer(world, each.content.programme_id), no
        yield each.content.beneficiary_id, WithdrawApplication(application_id=application_id, reason="over")


def _give_back(world: World, _nth: int) -> Iterator[Move]:
    """Vouchers that nothing else ends are given back, by whoever has a part of one."""
    ledger = world.state("ledger")
    for voucher_id, voucher in sorted(world.state("issuance").vouchers.items()):
        for holder_id in ledger.owners(voucher_id) if voucher.expires_at >= NEVER else ():
            if holder_id == voucher.beneficiary_id:
                yield holder_id, ReturnVoucher(voucher_id=voucher_id, reason="over")
            elif rest := ledger.accounts.find(owner(holder_id), voucher_id).available:
                yield holder_id, SurrenderVoucher(voucher_id=voucher_id, amount=rest, reason="over")


def _claim(world: World, nth: int) -> Iterator[Move]:
    for contract_id, earned in sorted(world.state("redemption").claimable.items()):
        body = SubmitClaim(
            programme_id=earned.programme_id, invoice_number=f"last {nth} {contract_id}", contract_ids=(contract_id,)
        )
        yield earned.provider_id, body


def _decide(world: World, nth: int) -> Iterator[Move]:
    state = world.state("redemption")
    for claim_id, claim in sorted(state.claims.items()):
        if claim.status == "submitted":
            last = RejectClaim(claim_id=claim_id, reason="over", rest="ends")
            yield _issuer(world, claim.terms.programme_id), last if nth > _ROUNDS // 2 else approve(claim_id)
    for clawback_id, clawback in sorted(state.clawbacks.items()):
        if clawback.appealed:
            yield "operator", DecideAppeal(clawback_id=clawback_id, amount=clawback.amount // 2, reason="heard")


def _settle(world: World, _nth: int) -> Iterator[Move]:
    state = world.state("redemption")
    approved = {name: each.terms for name, each in sorted(state.claims.items()) if each.status == "approved"}
    for claim_id, terms in approved.items():
        yield _settling(world, terms.programme_id, claim_ids=(claim_id,))
    for programme_id, provider_id in sorted(state.payable):
        yield _settling(world, programme_id, payee_ids=(provider_id,))


def _settling(world: World, programme_id: str, **what: Any) -> Move:
    body = CloseSettlement(programme_id=programme_id, **{"claim_ids": (), "payee_ids": (), **what})
    return _issuer(world, programme_id), body


def _pay(world: World, nth: int) -> Iterator[Move]:
    state = world.state("redemption")
    for (settlement_id, provider_id), payment in sorted(state.payments.items()):
        shared = state.shared.get((settlement_id, provider_id))
        for part in () if shared is None else shared.parts:
            if not part.paid:
                yield "bank", ConfirmShare(
                    settlement_id=settlement_id, provider_id=provider_id, payer=part.payer, amount=part.due,
                    payment_reference=f"last {settlement_id} {provider_id} {part.payer}", paid_on=world.clock // DAY,
                )  # fmt: skip
        if not payment.paid and shared is None:
            yield "bank", ConfirmPayment(
                settlement_id=settlement_id, provider_id=provider_id, amount=payment.amount,
                payment_reference=f"last {settlement_id} {provider_id}", paid_on=world.clock // DAY,
            )  # fmt: skip
    for (programme_id, provider_id), owed in sorted(state.owed.items()):
        fen = owed % _FEN  # no bank pays that
        if owed > fen:
            yield "bank", ConfirmRecovery(
                programme_id=programme_id, provider_id=provider_id, amount=owed - fen,
                payment_reference=f"back {nth} {programme_id} {provider_id}",
            )  # fmt: skip
        if fen:
            rest = WriteOff(programme_id=programme_id, provider_id=provider_id, amount=fen, reason="less than a fen")
            yield _issuer(world, programme_id), rest
