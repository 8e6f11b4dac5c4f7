"""What every `counterfoil.sessions.SessionStore` guarantees. Bind it with a fixture `make` that opens it again."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import sha256

import pytest

from counterfoil.sessions import NonceUsed, Session, SessionStore, TooManySessions

Make = Callable[[], SessionStore]
AT_MOST = 3
HOUR = 3_600_000_000


def session(number: int, party: str = "lab", at: int = 1_000, guarded: int = 100) -> Session:
    """The session `number`, opened at `at`; its nonce is guarded for `guarded` microseconds."""
    name = f"{party}/{number}".encode()
    digest = sha256(name).digest()
    return Session(digest, party, "0" * 16, digest[:16], at + guarded, at, at + HOUR)


class SessionStoreSuite:
    """The guarantees. `make()` opens it: again after a close, or beside one that is still open."""

    def test_it_is_found_by_its_digest_until_it_expires(self, make: Make) -> None:
        one, other = make(), make()
        one.open(session(1), AT_MOST)
        for store in (one, other):
            assert store.find(session(1).digest, 1_000 + HOUR - 1) == session(1)
            assert store.find(session(1).digest, 1_000 + HOUR) is None
            assert store.find(session(2).digest, 1_000) is None

    def test_those_of_a_party_are_ended_one_or_all(self, make: Make) -> None:
        store = make()
        for number in (1, 2, 3):
            store.open(session(number, at=1_000 + number), AT_MOST)
        store.open(session(1, "rival"), AT_MOST)
        store.end("rival", session(2, at=1_002).digest)  # another's
        assert [each.opened_at for each in store.of("lab", 1_010)] == [1_001, 1_002, 1_003]
        store.end("lab", session(2, at=1_002).digest)
        assert [each.opened_at for each in make().of("lab", 1_010)] == [1_001, 1_003]
        store.end("lab")
        assert store.of("lab", 1_010) == []
        assert store.find(session(1).digest, 1_010) is None
        assert len(store.of("rival", 1_010)) == 1

    @pytest.mark.parametrize("ended", [False, True])
    def test_a_nonce_opens_one_session_of_its_party(self, make: Make, ended: bool) -> None:
        first, again = session(1), replace(session(2), nonce=session(1).nonce)
        make().open(first, AT_MOST)
        if ended:
            make().end("lab")
        with pytest.raises(NonceUsed):
            make().open(again, AT_MOST)
        make().open(replace(session(1, "rival"), nonce=first.nonce), AT_MOST)

    @pytest.mark.parametrize("new", [False, True])
    def test_of_several_at_once_by_one_nonce_one_is_opened(self, make: Make, new: bool) -> None:
        """Also where the party has none before, so that there is nothing for which they wait for each other."""
        stores = [make() for _ in range(4)]
        stores[0].open(session(0, "rival" if new else "lab"), 99)

        def opened(number: int) -> bool:
            try:
                stores[number].open(replace(session(number + 1), nonce=b"n" * 16), 99)
            except NonceUsed:
                return False
            return True

        with ThreadPoolExecutor(4) as pool:
            assert sorted(pool.map(opened, range(4))) == [False, False, False, True]

    def test_a_party_has_so_many_then_the_oldest_makes_room(self, make: Make) -> None:
        store = make()
        for number in range(AT_MOST):
            store.open(session(number, at=1_000 + number), AT_MOST)
        with pytest.raises(TooManySessions):
            store.open(session(8, at=1_099), AT_MOST)
        store.open(session(8, "rival", at=1_099), AT_MOST)
        store.open(session(9, at=1_100), AT_MOST)
        assert [each.opened_at for each in store.of("lab", 1_100)] == [1_001, 1_002, 1_100]

    def test_what_is_over_is_forgotten_with_its_nonce_and_not_before(self, make: Make) -> None:
        store = make()
        store.open(session(1), AT_MOST)
        store.end("lab")
        with pytest.raises(NonceUsed):
            store.open(replace(session(2, at=1_099), nonce=session(1).nonce), AT_MOST)
        store.open(replace(session(2, at=1_100), nonce=session(1).nonce), AT_MOST)
        assert [each.opened_at for each in store.of("lab", 1_100)] == [1_100]
