"""The ledger's views, folded from its events alone, say what its state says, and keep what the state forgets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from counterfoil.contract.closing import StillOpen
from counterfoil.contract.times import DAY, format_month
from counterfoil.core.at import At
from counterfoil.issuance.events import BudgetReduced, VoucherRevoked, VoucherSuspended
from counterfoil.issuance.taking_events import FactsStated
from counterfoil.ledger.chart import CIRCULATION, owner, party_of
from counterfoil.ledger.closing_events import ProgrammeClosed, ProgrammeStaysOpen, RestLapsed, UnclaimedReleased
from counterfoil.ledger.closing_views import CLOSING_REDUCERS
from counterfoil.ledger.commands import (
    AcceptTransfer,
    ApproveTransfer,
    EnforcePledge,
    PledgeVoucher,
    ProposeTransfer,
    ReleasePledge,
    RestoreVoucher,
    SurrenderVoucher,
    WithdrawTransfer,
)
from counterfoil.ledger.credit_book import LOT
from counterfoil.ledger.encumbrances import Pledge, Transfer
from counterfoil.ledger.events import BondReleased, HoldRefusedV1, VoucherRestored
from counterfoil.ledger.extension_commands import ExtendVoucher
from counterfoil.ledger.extension_events import VoucherEndSet
from counterfoil.ledger.holds import total
from counterfoil.ledger.invoice_events import InvoiceCaptured, InvoiceReturned, UseCaptured
from counterfoil.ledger.receivable_events import AdjustmentPosted
from counterfoil.ledger.reclaim_events import ContractReclaimed
from counterfoil.ledger.service import DECIDER, SERVICE
from counterfoil.ledger.tranche_commands import AttestMilestone
from counterfoil.ledger.transfer_events import PledgeAsked, PledgeJudged
from counterfoil.ledger.views import REDUCERS
from counterfoil.matching.events import BidClosed, BidReduced, OfferClosed, OfferReduced
from counterfoil.ports import Set
from counterfoil.redemption.events import (
    AppealDecided,
    ClawbackInForce,
    ContractCompleted,
    DebtWrittenOff,
    ProviderDefaulted,
)
from tests.ledger.story import (
    ENDS,
    LIFE,
    REVOKED,
    Story,
    accepted,
    bid,
    claim_denied,
    deposit,
    ending,
    handing,
    issued,
    offer,
    offset,
    paid,
    party,
    recovered,
    returned,
    reversal,
    rules_hash,
    story,
    trade,
    withdraw,
)
from tests.ledger.test_amendments import asked, failed
from tests.ledger.test_credit import BANKS, buy, placed, sell, stated
from tests.ledger.test_credit import market as credit_market
from tests.ledger.test_tranches import ISSUE, REPORT, city, release, waiting
from tests.views import Viewed, viewed_in


@pytest.fixture
def viewed(tmp_path: Path) -> Iterator[Viewed]:
    with viewed_in(tmp_path, SERVICE) as opened:
        yield opened


def eventful() -> Story:
    """A story in which every event of the ledger occurs, told up to where something of everything is open."""
    told = story(
        issued("v1", 1_000), issued("v2", 1_000, expires_at=ENDS + 9), issued("v3", 500, expires_at=ENDS + 9),
        offer("offer", 500), offer("gone", 70), offer("large", 99_999),
        bid("bid", 300, 3, "v1", "v2"), bid("rests", 150, 4, "v2"), bid("filled", 90, 1, "v2"),
        bid("closed", 90, 1, "v3"), bid("dear", 99_999),
        VoucherSuspended(voucher_id="v3", reason="why"),
        trade("trade", 270, 2), trade("second", 300, 1),
        trade("third", 90, 0, "filled"), trade("last", 150, 3, "rests"),
        accepted("trade", 100, "first"), accepted("second", 31), paid("cloud", 50),
        paid("cloud", 3), returned("cloud", 3), claim_denied("cloud", ("second", 2)),
        reversal("first", 7, 8, 5), offset(3), recovered(5),
        OfferReduced(offer_id="offer", reduced_by=1, bond_released=100), OfferClosed(offer_id="gone", reason="expired"),
        asked(160, 3, "v2", bid_id="rests"), failed("bid", "rests"),
        BidReduced(bid_id="rests", nodes_left=2), BidClosed(bid_id="closed", reason="cancelled"),
        ContractCompleted(contract_id="trade"),
        ProviderDefaulted(contract_id="third", provider_id="cloud", cause="withdrawn", missing_hours=1),
        VoucherRevoked(voucher_id="v3", reason="why"),
    )  # fmt: skip
    told.hears(BudgetReduced(programme_id="city", amount=10, document="b", reason="r", uncommitted_after=0))
    told.when(withdraw("acme", 10), "treasury")
    told.fires("voucher_expiry", ENDS).fires("funding_end", ENDS)
    return told.hears(ProviderDefaulted(contract_id="last", provider_id="cloud", cause="withdrawn", missing_hours=1))


def handed_on() -> Story:
    """A voucher of which parts are handed on, taken back, pledged and given up, told until some of each is open."""
    told = story(party("issuer", "issuer"), party("beta", "beneficiary"), party("lender", "treasurer"))
    told.hears(*handing(), *handing(3, mode="SURRENDER_REISSUE"))
    told.hears(issued("v1", 1_000, version=2), issued("v2", 100, version=3))
    told.when(deposit("beta", 1_000), "treasury")

    def propose(amount: int, price: int = 0, to: str = "beta", by: str = "acme", voucher_id: str = "v1") -> str:
        told.when(ProposeTransfer(voucher_id=voucher_id, amount=amount, receiver_id=to, price=price), by)
        return str(told.said[0].transfer_id)

    def pledge(amount: int) -> str:
        told.when(PledgeVoucher(voucher_id="v1", amount=amount, pledgee_id="lender"), "acme")
        return str(told.said[0].pledge_id)

    told.when(AcceptTransfer(transfer_id=propose(300, 200)), "beta")
    told.when(AcceptTransfer(transfer_id=propose(50, 0, "acme", "beta")), "acme")
    told.when(WithdrawTransfer(transfer_id=propose(10)), "acme")
    told.when(ReleasePledge(pledge_id=pledge(100)), "lender")
    told.when(EnforcePledge(pledge_id=pledge(90), reason="unpaid"), "lender")
    propose(11)
    pledge(12)
    told.when(SurrenderVoucher(voucher_id="v1", amount=7, reason="spare"), "beta")
    again = propose(20, voucher_id="v2")
    told.when(ApproveTransfer(transfer_id=again), "issuer").when(AcceptTransfer(transfer_id=again), "beta")
    banks: dict[str, Any] = {"version": 4, "to": {"fact": "licensed_bank", "is": True}}
    told.hears(*handing(**banks), issued("v3", 100, version=4))
    barred = propose(30, voucher_id="v3")
    unknown = FactsStated(
        transfer_id=barred, programme_id="city", voucher_id="v3", party_id="beta", day=0,
        rules_hash=rules_hash(**banks), contradict=False, facts=(),
    )  # fmt: skip
    return told.when(AcceptTransfer(transfer_id=barred), "beta").hears(unknown)


def ended() -> Story:
    """A voucher on its way to its end, and what was paid taken back, given up, and paid again."""
    told = ending()
    for at in (ENDS - 30 * DAY, ENDS - 7 * DAY, ENDS - 5 * DAY):
        told.fires("expiry_step", at)
    told.when(RestoreVoucher(voucher_id="v1"), "acme", ENDS).fires("voucher_expiry", ENDS + 60 * DAY)
    whose: dict[str, Any] = {"programme_id": "city", "provider_id": "cloud", "currency": "CNY"}
    told.hears(ClawbackInForce(clawback_id="cbk", amount=30, owed_after=30, appealed=False, **whose))
    told.hears(DebtWrittenOff(amount=10, owed_after=20, written_off_by="issuer", reason="gone", **whose))
    return told.hears(
        AppealDecided(
            clawback_id="cbk", outcome="reversed", amount=0, forgiven=20, refunded=10, owed_after=0, payable_after=10,
            decided_by="op", reason="wrong", **whose,
        )
    )  # fmt: skip


def in_parts() -> Story:
    """A voucher of three parts whose end is moved: one part is released as its milestone is attested, one lapses."""
    told = city(
        ISSUE, {"share": "1/3", "release_on": "PROGRESS_REPORT", "attested_by": "board"},
        {"share": "1/3", "release_on": "ISSUER_DECISION"},
        expiry={"rule": {"kind": "RELATIVE", "after_days": 90}, **LIFE, "extension_days": 10},
    )  # fmt: skip
    tranche_id = next(iter(waiting(told)))
    told.when(AttestMilestone(tranche_id=tranche_id, report=REPORT, reason="trained"), "board")
    told.when(ExtendVoucher(voucher_id="v1", days=1, ground=None, reason="site down"), "issuer")
    return release(told, tranche_id).hears(REVOKED).fires("encumbrance_end", ENDS)


def on_book() -> Story:
    """Of 100 lots that acme offers, a buyer who is barred gets none, and another one 40."""
    told = credit_market(to=BANKS).when(sell(100), "acme")
    for buyer, answer in (("beta", "false"), ("gamma", "true")):
        placed(told, buy(40), buyer)
        told.hears(stated(told, next(iter(told.state.credit.trades)), answer))
    return told


def test_the_stories_tell_every_event_that_a_view_shows() -> None:
    stories = (eventful(), handed_on(), ended(), in_parts(), on_book())
    told = {type(event) for story_ in stories for event, _ in story_.decided}
    of_invoices = {InvoiceCaptured, InvoiceReturned, UseCaptured}  # `tests/e2e/test_claimed.py` and others have them
    of_closings = {
        *CLOSING_REDUCERS,
        ProgrammeClosed,
        RestLapsed,
        UnclaimedReleased,
    }  # `tests/e2e/test_closing.py` has them
    # `tests/golden/stopped_story.py`, and of the bond `tests/ledger/test_ledger.py`, have them
    elsewhere = {AdjustmentPosted, VoucherEndSet, BondReleased, PledgeAsked, PledgeJudged}
    elsewhere |= {ContractReclaimed}  # `tests/ledger/test_reclaims.py`
    assert REDUCERS.keys() - {HoldRefusedV1} - of_invoices - of_closings - elsewhere <= told
    assert REDUCERS.keys() < DECIDER.evolve.keys()


def test_balances_are_those_of_the_state(viewed: Viewed) -> None:
    told = viewed.of(eventful())
    rows = viewed.table("balances")
    for asset, accounts in told.state.accounts.assets.items():
        for account, position in accounts.items():
            row = rows.pop((account, asset))
            assert (row["n"], row["posted"], row["held"]) == (position.n, position.posted, position.debits_pending)
    assert {asset for _, asset in rows} == {"v3"}  # a voucher that the state has forgotten
    assert rows[CIRCULATION, "v3"]["posted"] == -500 == -rows["cancelled", "v3"]["posted"]


def test_voucher_balances_are_those_of_the_state_and_add_up_to_the_face(viewed: Viewed) -> None:
    told = viewed.of(eventful())
    rows = viewed.table("vouchers_balance")
    (news,) = (event.voucher_id for event, _ in told.decided if isinstance(event, VoucherRestored))
    assert list(rows) == [(news,), ("v1",), ("v2",), ("v3",)]
    parts = ("available", "held", "redeemed", "expired", "cancelled", "restored")
    for (voucher_id,), row in rows.items():
        assert tuple(row[part] for part in parts) == (*told.voucher(voucher_id), told.posted("restored", voucher_id))
        assert sum(row[part] for part in parts) == row["face"]
        if voucher_id in told.state.vouchers.open:
            position = told.state.accounts.find(owner(row["beneficiary_id"]), voucher_id)
            assert (row["available"], row["held"]) == (position.available, position.debits_pending)
    assert (rows["v3",]["cancelled"], rows["v2",]["restored"]) == (500, rows[news,]["face"])


def test_holds_are_those_of_the_state(viewed: Viewed) -> None:
    told = viewed.of(eventful())
    rows = {key[0]: row for key, row in viewed.table("holds").items()}
    status = {hold_id: (row["purpose"], row["status"], row["reason"]) for hold_id, row in rows.items()}
    assert status == {
        "offer": ("offer", "held", None),
        "gone": ("offer", "released", "expired"),
        "large": ("offer", "refused", "exceeds_available"),
        "dear": ("bid", "refused", "exceeds_available"),
        "bid": ("bid", "held", "funding_expired"),
        "rests": ("bid", "held", None),
        "filled": ("bid", "traded", None),
        "closed": ("bid", "released", "cancelled"),
        "trade": ("contract", "completed", "delivered"),
        "second": ("contract", "held", None),
        "third": ("contract", "defaulted", "provider_default"),
        "last": ("contract", "defaulted", "provider_default"),
    }
    left = {name: (row["nodes"], row["vouchers"], row["cash"], row["bond"]) for name, row in rows.items()}
    holds = told.state.holds
    expected = {name: (bid.terms.nodes, total(bid.draws), bid.cash, 0) for name, bid in holds.for_all("bid").items()}
    expected |= {name: (0, 0, bond.cash, 0) for name, bond in holds.for_all("offer").items()}
    for name, price in holds.for_all("contract").items():
        expected[name] = (0, total(price.draws), price.cash, holds.open["bond", name].cash)
    ended = [name for name, (_, word, _) in status.items() if word != "held"]
    assert left == expected | dict.fromkeys(ended, (0, 0, 0, 0))
    assert (rows["second"]["bid_id"], rows["second"]["offer_id"]) == ("bid", "offer")
    assert (rows["rests"]["party_id"], rows["rests"]["programme_id"]) == ("acme", "city")


def test_postings_of_parties_and_budgets_lead_to_the_balances_without_a_gap(viewed: Viewed) -> None:
    viewed.of(eventful())
    balances, closings = viewed.table("balances"), viewed.table("closing_balances")
    shown = {key for key in balances if party_of(key[0]) is not None or key[1].startswith("budget:")}
    posted: dict[tuple[str, str], list[dict[str, Any]]] = {key: [] for key in shown}
    for (month, account, asset, _), row in viewed.table("postings").items():
        assert month == format_month(row["posted_at"])
        posted[account, asset].append(row)
    for key, rows in posted.items():
        assert [row["n"] for row in rows] == list(range(1, balances[key]["n"] + 1))
        for before, row in zip([None, *rows], rows, strict=False):
            for name in ("posted", "held"):
                assert row[name] == (0 if before is None else before[name]) + row[f"{name}_change"]
            assert row["posted_change"] or row["held_change"]
        last = {row["month"]: row for row in rows}
        assert {month: closings[*key, month]["n"] for month in last} == {month: row["n"] for month, row in last.items()}
        assert [rows[-1][name] for name in ("n", "posted", "held")] == [
            balances[key][name] for name in ("n", "posted", "held")
        ]
    assert {key[:2] for key in closings} == shown
    assert len({row["month"] for rows in posted.values() for row in rows}) > 1


def test_every_posting_says_what_it_is_for(viewed: Viewed) -> None:
    told = viewed.of(eventful())
    booked = {type(event).TYPE.rpartition(".")[0] for event, _ in told.decided if getattr(event, "legs", ())}
    rows = viewed.rows("postings")
    assert {row["event"] for row in rows} == booked
    assert all(row["object_id"] or row["reference"] for row in rows)
    assert {(row["object_id"], row["reference"]) for row in rows if row["event"] == "hold.captured"} >= {
        ("trade", "first")
    }


def test_parts_of_a_voucher_are_shown_and_each_posting_says_of_which(viewed: Viewed) -> None:
    told = viewed.of(in_parts())
    rows = viewed.table("tranches")
    assert {row["number"]: (row["status"], row["report"]) for row in rows.values()} == {
        2: ("released", REPORT.hex()), 3: ("lapsed", None),
    }  # fmt: skip
    posted = [row for row in viewed.rows("postings") if row["event"].startswith("tranche.")]
    assert {(row["event"], row["object_id"]) for row in posted} >= {
        (f"tranche.{status}", tranche_id)
        for (tranche_id,), row in rows.items()
        for status in ("withheld", row["status"])
    }
    assert (told.voucher("v1"), not waiting(told)) == ((0, 0, 0, 0, 1_000), True)


def test_orders_for_credit_are_shown_to_their_party_and_the_book_to_all(viewed: Viewed) -> None:
    viewed.of(on_book())
    orders = [(row["party_id"], row["left"] // LOT, row["traded"] // LOT, row["status"], row["why"])
              for row in viewed.rows("credit_orders")]  # fmt: skip
    assert orders == [
        ("acme", 60, 40, "open", None), ("beta", 40, 0, "not_permitted", "receiver_not_allowed"),
        ("gamma", 0, 40, "filled", None),
    ]  # fmt: skip
    assert [(row["amount"] // LOT, row["price"] // LOT) for row in viewed.rows("credit_trades")] == [(40, 36)]
    assert [row["status"] for row in viewed.rows("transfers")] == ["failed", "accepted"]
    on_offer = {row["holder_id"]: row["on_offer"] // LOT for row in viewed.rows("holdings") if row["on_offer"]}
    assert on_offer == {"acme": 60}
    assert all(row["object_id"] or row["reference"] for row in viewed.rows("postings"))


def test_the_end_of_a_voucher_is_shown_to_its_holder_step_by_step(viewed: Viewed) -> None:
    viewed.of(ended())
    assert [(row["days"], row["amount"]) for row in viewed.rows("expiry_notices")] == [(30, 1_000), (7, 1_000)]
    (row,) = viewed.rows("offline_vouchers")
    assert (row["status"], row["restored"], row["expired"], row["ends_at"]) == ("restored", 1_000, 0, ENDS + 60 * DAY)
    assert all(row["object_id"] or row["reference"] for row in viewed.rows("postings"))


def test_holdings_are_those_of_the_state_and_add_up_to_the_balances(viewed: Viewed) -> None:
    told = viewed.of(handed_on())
    rows, encumbrances = viewed.table("holdings"), told.state.encumbrances
    for (voucher_id, holder_id), row in rows.items():
        position = told.state.accounts.find(owner(holder_id), voucher_id)
        hand = encumbrances.hand(voucher_id, holder_id)
        assert (row["available"], row["held"]) == (position.available, position.debits_pending)
        mine = [
            each for _, each in encumbrances.every() if (each.voucher_id, each.holder_id) == (voucher_id, holder_id)
        ]
        for name, kind in (("in_transfer", Transfer), ("pledged", Pledge)):
            assert row[name] == sum(each.amount for each in mine if isinstance(each, kind))
        assert row["hops"] == (hand.hops if hand else 0)
        assert hand is None or row["held_since"] == hand.since
        assert row["expires_at"] == ENDS
    for (voucher_id,), row in viewed.table("vouchers_balance").items():
        parts = [each for (of_voucher, _), each in rows.items() if of_voucher == voucher_id]
        assert [sum(each[name] for each in parts) for name in ("available", "held")] == [row["available"], row["held"]]
    assert {(row["status"], row["amount"], row["why"]) for row in viewed.rows("transfers")} == {
        ("accepted", 300, None), ("accepted", 50, None), ("withdrawn", 10, None), ("proposed", 11, None),
        ("accepted", 20, None), ("barred", 30, "receiver_not_allowed"),
    }  # fmt: skip
    assert {(row["status"], row["reason"]) for row in viewed.rows("pledges")} == {
        ("released", None), ("enforced", "unpaid"), ("pledged", None),
    }  # fmt: skip
    assert all(row["object_id"] or row["reference"] for row in viewed.rows("postings"))


def test_what_bars_a_closing_is_shown_to_everybody_without_amounts() -> None:
    """A voucher that is left, or the claim of one provider, would tell what its holder or claimant has."""
    left = StillOpen(kind="vouchers", number=0, amount=7), StillOpen(kind="claims", number=1, amount=5)
    event = ProgrammeStaysOpen(programme_id="p1", open=left)
    shown = CLOSING_REDUCERS[ProgrammeStaysOpen](event, At(1, 1, 0))
    assert [change.values["open"] for change in shown if isinstance(change, Set)] == [["vouchers", "claims"]]
