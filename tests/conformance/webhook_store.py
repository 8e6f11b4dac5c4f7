"""What every `counterfoil.webhooks.WebhookStore` guarantees. Bind it with a fixture `make` that opens it again."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from counterfoil.webhooks import TooManyWebhooks, Webhook, WebhookStore

Make = Callable[[], WebhookStore]
AT_MOST = 3
MOST = 1 << 62


def webhook(number: int, party: str = "lab") -> Webhook:
    """The webhook `number`."""
    url, types = f"https://{party}.example/{number}", ("bid.received.v1", "claim.denied.v1")[:number]
    return Webhook(f"wh_{party}{number}", party, "0" * 16, url, types, b"s" * 32, 1_000 + number, "ledger:1,matching:2")


class WebhookStoreSuite:
    """The guarantees. `make()` opens it: again after a close, or beside one that is still open."""

    def test_a_party_has_so_many_and_forgets_them(self, make: Make) -> None:
        store = make()
        for number in range(AT_MOST):
            store.create(webhook(number), AT_MOST)
        with pytest.raises(TooManyWebhooks):
            store.create(webhook(9), AT_MOST)
        store.create(webhook(1, "rival"), AT_MOST)
        assert make().of("lab") == [webhook(number) for number in range(AT_MOST)]
        assert not store.delete("rival", webhook(1).id)
        assert store.find("rival", webhook(1).id) is None
        assert (store.delete("lab", webhook(1).id), store.delete("lab", webhook(1).id)) == (True, False)
        store.create(webhook(9), AT_MOST)
        assert [each.id for each in make().of("lab")] == ["wh_lab0", "wh_lab2", "wh_lab9"]
        assert store.in_use

    def test_a_lease_has_one_holder_until_it_is_over_or_given_up(self, make: Make) -> None:
        one, other = make(), make()
        for number in range(4):
            one.create(webhook(number), 4)
        one.change("lab", webhook(3).id, {"paused": "by_party"})
        first = one.claim("a", 1_000, 2_000, 2)
        assert [(each.id, each.holder, each.held_until) for each in first] == [
            ("wh_lab0", "a", 2_000),
            ("wh_lab1", "a", 2_000),
        ]
        assert [each.id for each in other.claim("b", 1_000, 2_000, 9)] == ["wh_lab2"]
        assert other.claim("b", 1_999, 3_000, 9) == []
        one.renew("a", 2_500)
        assert [each.id for each in other.claim("b", 2_499, 4_000, 9)] == ["wh_lab2"]
        assert {each.held_until for each in one.held("a")} == {2_500}
        assert [each.id for each in other.claim("b", 2_500, 4_000, 9)] == ["wh_lab0", "wh_lab1"]
        assert one.held("a") == []
        other.release("b")
        assert [each.id for each in one.claim("a", 2_501, 4_000, 9)] == ["wh_lab0", "wh_lab1", "wh_lab2"]

    def test_of_holders_that_claim_at_once_one_gets_it(self, make: Make) -> None:
        stores = [make() for _ in range(4)]
        for number in range(4):
            stores[0].create(webhook(number), 4)
        with ThreadPoolExecutor(4) as pool:
            taken = list(pool.map(lambda number: stores[number].claim(f"g{number}", 1_000, MOST, 9), range(4)))
        assert sorted(each.id for found in taken for each in found) == [webhook(number).id for number in range(4)]

    def test_what_is_recorded_is_of_the_holder_and_of_what_it_knows(self, make: Make) -> None:
        store = make()
        store.create(webhook(1), AT_MOST)
        (known,) = store.claim("a", 1_000, 2_000, 9)
        assert store.record(known, {"positions": "ledger:5", "last_id": "x/4/0", "delivered": 1})
        assert not store.record(replace(known, holder="b"), {"positions": "ledger:9"})
        changed = store.change("lab", known.id, {"positions": "ledger:0", "last_id": "", "failures": 0})
        assert changed is not None
        assert (changed.positions, changed.delivered, changed.revision) == ("ledger:0", 1, known.revision + 1)
        assert not store.record(known, {"positions": "ledger:6"})
        (again,) = store.held("a")
        assert again == make().find("lab", known.id) == changed
        assert store.record(again, {"paused": "gone"})
        assert store.held("a") == []
        assert not store.record(again, {"positions": "ledger:7"})
        assert store.change("rival", known.id, {"paused": ""}) is None
        assert make().of("lab") == [replace(changed, paused="gone")]

    def test_tests_are_some_time_apart(self, make: Make) -> None:
        store = make()
        store.create(webhook(1), AT_MOST)
        taken = [store.take_test("lab", webhook(1).id, at, 100) for at in (1_000, 1_099, 1_100)]
        assert taken == [True, False, True]
        assert not store.take_test("rival", webhook(1).id, 9_000, 100)
