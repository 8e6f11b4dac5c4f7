"""Worlds with programmes as documents: whatever parties do, all adds up after every step, and all are closed."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from counterfoil.contract.times import DAY
from counterfoil.issuance.commands import AppropriateBudget, AttestFact, ListProvider
from tests.documents import publishing
from tests.properties.document_moves import DOCUMENTS, ISSUERS, document_move
from tests.properties.moves import LABS, Choice
from tests.properties.test_world_stateful import (
    check_always,
    check_replay,
    check_settled,
    give_commands,
    hand_over,
    pass_time,
)
from tests.properties.winding import wind_down
from tests.properties.world import YUAN, Newest, World, opened, small_entries


def world_of_documents(documents: Mapping[str, Any] = DOCUMENTS, issuers: Mapping[str, str] = ISSUERS) -> World:
    """The market, with more programmes, which are documents."""
    world = opened(Newest)
    for programme_id, value in documents.items():
        issuer = issuers[programme_id]
        for body in publishing(value):
            world.submit(issuer, body)
        budget = AppropriateBudget(programme_id=programme_id, amount=2_000 * YUAN, document=f"budget of {programme_id}")
        world.submit(issuer, budget)
        for provider in ("gpu-1", "gpu-2"):
            world.submit(issuer, ListProvider(programme_id=programme_id, provider_id=provider))
    for lab in LABS[:2]:
        world.submit("operator", AttestFact(
            party_id=lab, application_id=None, line=None, name="registered_in", values=("CN",),
            on=world.clock // DAY, source="register",
        ))  # fmt: skip
    world.settle()
    assert set(world.refusals) == {"accepted"}, world.refusals
    return world


def lived(seed: int) -> World:
    """A world after many steps and its end; all adds up after each of them."""
    pick = Choice(random.Random(seed).randint)
    with small_entries():
        world = world_of_documents()
        for step in range(400):
            pick.one((give_commands, give_commands, give_commands, pass_time, hand_over))(world, pick, document_move)
            check_always(world)
            if step % 25 == 24:
                world.settle()
                check_settled(world)
            if step % 200 == 99:
                world.restart()
        world.settle()
        check_settled(world)
        wind_down(world)
        check_settled(world)
    check_replay(world)
    assert list(world.law_book.books.differs(world.state("ledger"))) == []
    return world


def test_programmes_as_documents_add_up_after_every_step_and_are_closed() -> None:
    """In one of these two worlds, found by trying, nearly everything happens that only documents have."""
    events = {*lived(5).events, *lived(6).events}
    assert {
        "AidAttested", "AidCounted", "AidFreed", "AidWithdrawn", "ApplicationReturned", "ClaimCut",
        "ClaimPermitted", "CreditNoteRecorded", "InvoiceCaptured", "InvoiceReturned", "PaymentShared", "PledgeEnforced",
        "CreditOrderClosed", "CreditSettled", "CreditTraded",
        "PledgeReleased", "ProgrammeClosed", "RevocationOrdered", "ShareConfirmed", "SuspensionExtended",
        "TransferAccepted", "TransferClosed", "TransferJudged", "UseCaptured",
    } <= events  # fmt: skip
