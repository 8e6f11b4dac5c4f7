"""A party takes the name of another, or hides something in a name or reason that whoever reads it does not see."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from counterfoil.audit.report import Alike
from counterfoil.contract.events import PartyRegistered
from counterfoil.contract.refusals import Code
from counterfoil.instance import Instance
from counterfoil.issuance.commands import AdoptRules, RegisterParty, SuspendParty
from counterfoil.matching.commands import CancelOrdersOf
from counterfoil.redemption.commands import RejectClaim
from tests.market import HOST, Market, found, party, seed_of

CITY = "City of Springfield"
AS_THE_CITY = [
    "Сity of Springfield",  # the first letter is Cyrillic
    "City of Springfie1d",
    "CITY OF SPRINGFIELD",
    "City  of Springfield.",
    "Ｃity of Springfield",
    "City of Spr\u0131ngfield",
]
HIDDEN = ["a\u202eb", "a\x9b2Jb", "a\u200bb", "a\u2028b", "\u00a0", "Cafe\u0301", "a\U000e0041b"]


@pytest.fixture
def market(tmp_path: Path) -> Iterator[Market]:
    """A market with the usual parties."""
    with Market(tmp_path) as opened:
        found(opened)
        opened.do("operator", named("springfield", CITY))
        yield opened


def named(party_id: str, name: str, looks_like: str | None = None) -> RegisterParty:
    """The registration of a party under a name."""
    return replace(party(party_id, ("issuer",)), name=name, looks_like=looks_like)


def test_a_party_does_not_take_the_name_of_another(market: Market) -> None:
    for name in AS_THE_CITY:
        market.refused("operator", named("impostor", name), Code.NAME_CONFUSABLE)
        market.refused("operator", named("impostor", name, looks_like="lab-1"), Code.NAME_CONFUSABLE)


def test_the_operator_says_in_public_that_two_mean_the_same_name(market: Market) -> None:
    """The refusal names the party, and the confirmation must: a program that always confirms cannot know it."""
    refusal = market.ask("operator", named("other", CITY.upper())).outcomes[0].refusal
    assert refusal is not None
    assert dict(refusal.detail) == {"party_id": "springfield"}
    market.do("operator", named("other", CITY.upper(), looks_like="springfield"))
    assert [each.name for each in market.events("issuance", PartyRegistered)][-2:] == [CITY, CITY.upper()]
    report = market.sealed()
    assert report.clean
    assert [each for log in report.logs for each in log.alike] == [Alike("springfield", CITY, "other", CITY.upper())]


def test_nothing_hides_in_a_name_or_reason(market: Market) -> None:
    """In any service, whether or not what the command is about exists."""
    for text in HIDDEN:
        _refuses(market, text)
    assert market.sealed().clean


def _refuses(market: Market, text: str) -> None:
    market.refused("operator", named("other", text), Code.TEXT_NOT_ACCEPTABLE)
    market.refused("operator", SuspendParty(party_id="nobody", reason=text), Code.TEXT_NOT_ACCEPTABLE)
    cancel = CancelOrdersOf(party_id="lab-1", programme_id=None, reason=text)
    market.refused("operator", cancel, Code.TEXT_NOT_ACCEPTABLE)
    market.refused("city", RejectClaim(claim_id="clm-1-0", reason=text, rest="claimable"), Code.TEXT_NOT_ACCEPTABLE)


def test_what_older_rules_let_in_stays_and_counts_from_the_newer_on(tmp_path: Path) -> None:
    Instance.create(tmp_path, HOST, "Operator", seed_of, rules=3)
    with Market(tmp_path) as market:
        market.do("operator", named("old", "Ac\u202e\u200bme"), named("older", "Ａcme"))
        market.do("operator", AdoptRules(rules=4, replaces=3, release="0.4.0"))
        refusal = market.ask("operator", named("new", "ACME")).outcomes[0].refusal
        assert refusal is not None
        assert (refusal.code, dict(refusal.detail)) == (Code.NAME_CONFUSABLE, {"party_id": "old"})
        market.do("operator", named("new", "ACME", looks_like="old"))
        assert market.sealed().clean
