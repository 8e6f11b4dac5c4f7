"""What a document says of spending: which vouchers pay first, and how many pay for one order."""

from __future__ import annotations

from typing import Any

import pytest

from tests.documents import document, published
from tests.ledger.story import Story, bid, code, draws, issued, party, story


def told(**spending: Any) -> Story:
    """acme has vouchers of 300, 100 and 200 under a document that pays all of a bid; the first expires first."""
    value = document(
        id="city", version=2, scope__classes=["h100"], spending=spending,
        benefit={"basis": "METERED_LINE", "tiers": [{"id": "all", "rate": "100%"}],
                 "rounding": {"mode": "TRUNCATE", "quantum": "0.000001"}},
    )  # fmt: skip
    faces = {"v1": 300, "v2": 100, "v3": 200}
    vouchers = [issued(name, face, version=2, issue_seq=nth) for nth, (name, face) in enumerate(faces.items())]
    return story(party("issuer", "issuer"), *published(value, "issuer", "doc-2-0"), *vouchers)


@pytest.mark.parametrize(
    ("spending", "expected"),
    [
        ({}, [("v1", 300), ("v2", 50)]),
        ({"order": "EXPIRY_FIRST"}, [("v1", 300), ("v2", 50)]),
        ({"order": "SMALLEST_FIRST"}, [("v2", 100), ("v3", 200), ("v1", 50)]),
        ({"order": "SMALLEST_FIRST", "max_vouchers_per_order": 3}, [("v2", 100), ("v3", 200), ("v1", 50)]),
    ],
)
def test_which_vouchers_pay_first(spending: dict[str, Any], expected: list[tuple[str, int]]) -> None:
    assert draws(told(**spending).hears(bid("bid", 350))) == expected


def test_no_more_vouchers_pay_than_the_document_says() -> None:
    scene = told(order="SMALLEST_FIRST", max_vouchers_per_order=2)
    assert code(scene.hears(bid("bid", 350))) == "over_limit"
    assert draws(scene.hears(bid("fits", 300))) == [("v2", 100), ("v3", 200)]
    assert draws(scene.hears(bid("named", 250, 1, "v1", "v2"))) == [("v1", 250)]


def test_no_order_takes_less_than_the_document_lets_be_spent_at_once() -> None:
    """One micro-unit decides; named vouchers or not."""
    scene = told(minimum={"amount": "0.00025"})
    assert code(scene.hears(bid("small", 249))) == "spend_too_small"
    assert code(scene.hears(bid("named", 249, 1, "v1"))) == "spend_too_small"
    assert draws(scene.hears(bid("fits", 250))) == [("v1", 250)]
