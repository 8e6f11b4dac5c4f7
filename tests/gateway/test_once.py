"""In one process an envelope is read once, its signature verified once, and an entry made here is never decoded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from counterfoil.contract import codec
from counterfoil.gateway import signatures
from counterfoil.log import keys
from counterfoil.vocabulary import CODEC
from tests.gateway.harness import Stepped
from tests.gateway.world import BID, OFFER, deposit


def test_a_command_costs_one_parse_and_one_verification(http: Stepped, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = dict.fromkeys(("open_envelope", "crypto_sign_open", "_decode_entry"), 0)

    def counted(owner: Any, name: str) -> None:
        inner: Callable[..., Any] = getattr(owner, name)

        def run(*given: Any) -> Any:
            calls[name] += name != "crypto_sign_open" or b"DSSEv1" in given[0]  # not a checkpoint's
            return inner(*given)

        monkeypatch.setattr(owner, name, run)

    counted(codec, "open_envelope")
    counted(keys, "crypto_sign_open")
    counted(CODEC, "_decode_entry")
    sign = http.market.sign
    # Unlike those of any other test: the process remembers what it has parsed and verified.
    new = {"treasury": deposit("lab-1", 7_654_321), "gpu-1": replace(OFFER, nodes=3), "lab-1": replace(BID, hours=3)}
    sent = [sign(party, body) for party, body in new.items()]
    sizes = http.market.sizes()
    for envelope in sent:
        response = http.post(envelope)
        assert response.status_code == 200, response.text
        http.market.system.settle()
    assert sum(http.market.sizes().values()) > sum(sizes.values()) + len(sent)  # the other services consumed them
    assert calls == {"open_envelope": len(sent), "crypto_sign_open": len(sent), "_decode_entry": 0}


@pytest.mark.parametrize(("kept", "read"), [(2, 2), (1, 4)])
def test_a_key_is_read_once_while_it_is_kept(
    http: Stepped, monkeypatch: pytest.MonkeyPatch, kept: int, read: int
) -> None:
    monkeypatch.setattr(signatures, "KEYS_KEPT", kept)
    read_keys: list[object] = []
    views = http.market.system.views
    get = views.get

    def reading(view: str, key: tuple[object, ...]) -> Any:
        if view == "keys":
            read_keys.append(key)
        return get(view, key)

    monkeypatch.setattr(views, "get", reading)
    sign = http.market.sign
    for _ in range(2):
        for envelope in (sign("treasury", deposit("lab-1", 7)), sign("gpu-1", OFFER)):
            assert http.post(envelope).status_code == 200
    assert len(read_keys) == read
