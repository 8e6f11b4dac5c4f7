"""Sends offers, bids and deposits to a gateway at a steady rate, until its standard input ends.

``python -m tests.faults.steady_load URL HOME RATE`` then prints how many it sent, and how many were shed.
"""

from __future__ import annotations

import json
import sys
import time
from itertools import count
from pathlib import Path
from threading import Event as Flag
from threading import Thread
from typing import Final

from counterfoil.cli.keyring import Keyring
from counterfoil.client.http import Gateway
from counterfoil.client.ids import new_command_id
from counterfoil.client.problems import RefusedByService, Unreachable
from counterfoil.contract.log_id import LogId
from counterfoil.contract.record import Command as Body
from counterfoil.contract.times import HOUR
from counterfoil.instance import Instance
from counterfoil.issuance.commands import IssueVoucher
from counterfoil.key_files import no_passphrase
from counterfoil.ledger.commands import Deposit
from counterfoil.matching.commands import PlaceBid, PostOffer
from counterfoil.runtime.clock import SystemClock
from tests.e2e.founding import PROGRAMME

_SENDERS: Final = 16


class Load:
    """The parties of a market that was founded in `home`, as threads that send to `url`."""

    def __init__(self, url: str, home: Path, rate: int) -> None:
        self._url, self._rate, self._ended = url, rate, Flag()
        ring, self._origin = Keyring(home / "keys", no_passphrase), Instance(home).origin
        self._authors = {name: ring.author(name) for name in ("springfield", "norn", "acme", "treasury")}
        self._numbers = count()
        self._shed: list[int] = []  # by whom; a list, since threads share it
        self._threads = [Thread(target=self._send, args=(nth,)) for nth in range(_SENDERS)]

    def run_until_told(self) -> tuple[int, int]:
        """Send until standard input ends; returns how many were sent, and how many were shed."""
        for thread in self._threads:
            thread.start()
        sys.stdin.read()
        self._ended.set()
        for thread in self._threads:
            thread.join()
        return next(self._numbers) - len(self._shed), len(self._shed)

    def _send(self, nth: int) -> None:
        due = time.monotonic() + nth / self._rate
        with Gateway(self._url) as gateway:
            while not self._ended.wait(max(0.0, due - time.monotonic())):
                due += _SENDERS / self._rate
                try:
                    gateway.submit_async(self._envelope(next(self._numbers)))
                except (RefusedByService, Unreachable):
                    self._shed.append(nth)

    def _envelope(self, number: int) -> bytes:
        now = SystemClock().now()
        party, service, body = _command(number, now // HOUR)
        return self._authors[party].sign(body, self._origin(LogId(service)), new_command_id(), now)


def _command(number: int, hour: int) -> tuple[str, str, Body]:
    """Who sends what to which service: as many bids as offers, and most of them meet, however long it goes on."""
    price = 10_000 * (10 + number * 7 % 90)
    if number % 60 == 0:
        voucher = IssueVoucher(programme_id=PROGRAMME, beneficiary_id="acme", amount=80_000_000)
        return "springfield", "issuance", voucher
    if number % 3 == 0:
        to = "norn" if number % 2 else "acme"
        deposit = Deposit(party_id=to, currency="USD", amount=10**9, payment_reference=f"LOAD-{number}")
        return "treasury", "ledger", deposit
    if number % 3 == 1:
        offer = PostOffer(
            class_id="a100-80gb", region="eu-west", currency="USD", nodes=1, window_start=hour + 4,
            window_end=hour + 30, price=price, min_nodes=1, min_hours=1, bond_bps=2_000, tif="IOC", good_until=None,
            stp="taker",
        )  # fmt: skip
        return "norn", "matching", offer
    bid = PlaceBid(
        programme_id=PROGRAMME, voucher_ids=(), classes=("a100-80gb",), regions=("eu-west",), nodes=1, hours=1,
        earliest=hour + 5, latest=hour + 25, limit_price=price, partial=False, min_nodes=1, tif="GTC",
        good_until=None, post_only=False, stp="taker",
    )  # fmt: skip
    return "acme", "matching", bid


if __name__ == "__main__":
    sys.stdout.write(json.dumps(Load(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])).run_until_told()) + "\n")
