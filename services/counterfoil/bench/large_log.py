"""A home whose ledger is as long as wanted, made quickly, to measure what a long history costs.

It is a real one: every entry was decided from a signed command, is in the database, is published, and audits clean.
Only the disk is not waited for, nobody takes receipts, and no views are built: the first `up` does that.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import closing
from itertools import count, islice
from multiprocessing import get_context
from pathlib import Path
from typing import Final

from counterfoil.bench.load import HOST, SEED
from counterfoil.bootstrap.embedded import Embedded
from counterfoil.client.author import Author
from counterfoil.contract.log_id import LogId, host_of
from counterfoil.contract.times import DAY
from counterfoil.instance import OPERATOR, Instance
from counterfoil.issuance.commands import RegisterParty
from counterfoil.ledger.commands import Deposit
from counterfoil.ports import Transport
from counterfoil.runtime.clock import VirtualClock
from counterfoil.runtime.runner import Runner
from counterfoil.testbed.seeded_keys import seeded_key

ACCOUNTS: Final = 4_000
TREASURY: Final = "treasury"
AMOUNT: Final = 1_000_000
"""Of each deposit."""
_ISSUANCE: Final = LogId("issuance")
_LEDGER: Final = LogId("ledger")
_START: Final = 20_000 * DAY
AFTER: Final = _START + DAY
"""A time behind every entry, in microseconds since the epoch."""
_PACE: Final = 10  # microseconds from one command to the next
_CHUNK: Final = 512  # commands signed by one job, and taken at once
_AHEAD: Final = 8  # jobs


def large_log(
    home: Path, entries: int, accounts: int = ACCOUNTS, progress: Callable[[int], None] = lambda _size: None
) -> Instance:
    """Create an instance in `home` whose ledger has `entries` entries, give or take one, nearly all of them deposits.

    They go to `accounts` firms in turn, whose keys take two entries each before: raises ValueError if `entries` leaves
    no room for those. The same arguments give the same logs. `progress` gets the ledger's size from time to time. A
    million entries take some 4 GB of disk.
    """
    least = 2 * accounts + 8
    if entries < least:
        raise ValueError(f"a ledger of {accounts} accounts has at least {least} entries, not {entries}")
    instance = Instance.create(home, HOST, "Benchmark operator", lambda name: seeded_key(SEED, name))
    clock = VirtualClock(_START)
    system = Embedded(instance, clock, synchronous="OFF")
    try:
        fill(instance, system.transport, system.runners, clock, entries, accounts, progress)
    finally:
        system.close(seal=False)
    return instance


def fill(
    instance: Instance,
    transport: Transport,
    runners: Mapping[LogId, Runner],
    clock: VirtualClock,
    entries: int,
    accounts: int,
    progress: Callable[[int], None],
) -> None:
    """Let the `runners` of a new instance decide until the ledger has `entries` entries, as `large_log` says; seal."""
    ledger = runners[_LEDGER].engine

    def take(service: LogId, envelopes: Iterable[bytes]) -> None:
        for envelope in envelopes:
            transport.send_command(service, envelope)
            clock.advance_to(clock.now() + _PACE)
        while sum(runner.step() for runner in runners.values()):
            progress(ledger.size)

    registrations = _registrations(instance.origin(_ISSUANCE), accounts, clock.now())
    while some := list(islice(registrations, _CHUNK)):
        take(_ISSUANCE, some)
    with closing(_deposits(instance.origin(_LEDGER), accounts, clock.now())) as deposits:
        while (left := entries - ledger.size - 1) > 0:  # the state root that closes the log comes last
            take(_LEDGER, islice(deposits, min(left, _CHUNK)))
    for runner in runners.values():
        runner.seal()


def _registrations(origin: str, accounts: int, at: int) -> Iterator[bytes]:
    operator = Author(OPERATOR, seeded_key(SEED, OPERATOR))
    for number in range(-1, accounts):
        name, role = (TREASURY, "treasurer") if number < 0 else (firm(number), "beneficiary")
        key = Author(name, seeded_key(SEED, name)).prove(host_of(origin))
        body = RegisterParty(
            party_id=name,
            name=name,
            roles=(role,),  # type: ignore[arg-type]
            group_id=name,
            key=key,
            recovery_key=None,
            looks_like=None,
        )
        yield operator.sign(body, origin, _command_id(number + 1), at)


def _deposits(origin: str, accounts: int, at: int) -> Generator[bytes]:
    """Signed deposits without end, `_PACE` apart from `at` on; another process signs them ahead."""
    with ProcessPoolExecutor(1, get_context("spawn")) as signer:
        jobs: deque[Future[list[bytes]]] = deque()
        try:
            for first in count(0, _CHUNK):
                jobs.append(signer.submit(_sign_deposits, origin, accounts, at, first))
                if len(jobs) == _AHEAD:
                    yield from jobs.popleft().result()
        finally:
            signer.shutdown(cancel_futures=True)


def _sign_deposits(origin: str, accounts: int, at: int, first: int) -> list[bytes]:
    treasury = Author(TREASURY, seeded_key(SEED, TREASURY))
    return [
        treasury.sign(
            Deposit(party_id=firm(n % accounts), currency="USD", amount=AMOUNT, payment_reference=f"R{n}"),
            origin,
            _command_id(n),
            at + n * _PACE,
        )
        for n in range(first, first + _CHUNK)
    ]


def firm(number: int) -> str:
    """The party with the account of this number, from 0."""
    return f"firm-{number:05d}"


def _command_id(number: int) -> str:
    """An id in the form of a UUIDv7."""
    text = f"{_START // 1_000 << 80 | 7 << 76 | 2 << 62 | number:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
