"""Load for a benchmark: signed commands from concurrent clients that wait for their receipts, and what they saw."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from typing import Any, Final

from counterfoil.client.author import Author
from counterfoil.contract.commands import Body, Deposit, RegisterParty
from counterfoil.demo.story_driver import demo_entropy
from counterfoil.gateway.app import Delivery
from counterfoil.instance import Instance
from counterfoil.ports import Overloaded
from counterfoil.runtime.receipts import Answer, Receipts, Recorded

SEED: Final = 1
HOST: Final = "bench.counterfoil.example"
_BUSY: Final = 0.01  # seconds until a client that was turned away comes again


class Driver:
    """Signs beforehand (authors sign on machines of their own) and drives `Receipts` as a gateway does, without HTTP.

    `clock` gives microseconds since the epoch. Answers come through `delivery`.
    """

    def __init__(self, instance: Instance, receipts: Receipts, delivery: Delivery, clock: Callable[[], int]) -> None:
        self._instance, self._receipts, self._delivery, self._clock = instance, receipts, delivery, clock
        self._ids = command_ids()
        self._treasury = Author("treasury", demo_entropy(SEED, "treasury"))
        self._payments = 0
        self.firms: list[str] = []

    def register(self, firms: int) -> None:
        """Make the treasury and so many firms known; they wait until the ledger knows them, too."""
        operator = Author("operator", demo_entropy(SEED, "operator"))
        self.firms = [f"firm-{number:03d}" for number in range(firms)]
        envelopes = []
        for name in ("treasury", *self.firms):
            key = Author(name, demo_entropy(SEED, name)).public_key
            role = ("treasurer",) if name == "treasury" else ("beneficiary",)
            body = RegisterParty(party_id=name, name=name, roles=role, group_id=name, public_key=key)  # type: ignore[arg-type]
            envelopes.append(self._sign(operator, body, "issuance"))
        self.drive(envelopes, 8)
        time.sleep(1.0)  # until the ledger has heard of them; its refusals would be final

    def _sign(self, author: Author, body: Body | Sequence[Body], service: str) -> bytes:
        return author.sign(body, self._instance.origin(service), next(self._ids), self._clock())

    def deposits(self, count: int, batch: int = 1) -> list[bytes]:
        """`count` signed deposits to the firms in turn, one or `batch` to an envelope, valid from now."""
        first, self._payments = self._payments, self._payments + count
        firms = self.firms
        bodies = [
            Deposit(party_id=firms[n % len(firms)], currency="USD", amount=1_000_000, payment_reference=f"R{n}")
            for n in range(first, first + count)
        ]
        if batch == 1:
            return [self._sign(self._treasury, body, "ledger") for body in bodies]
        chunks = [bodies[start : start + batch] for start in range(0, count, batch)]
        return [self._sign(self._treasury, chunk, "ledger") for chunk in chunks]

    def drive(self, envelopes: Sequence[bytes], clients: int) -> tuple[int, list[int]]:
        """Send them from clients that each await a receipt first; (milliseconds, sorted latencies in microseconds)."""
        latencies: list[int] = []

        async def client(work: Iterator[bytes]) -> None:
            latencies.extend([await self._one(envelope) for envelope in work])

        async def run() -> None:
            work = iter(envelopes)
            await asyncio.gather(*(client(work) for _ in range(clients)))

        return self._timed(run), sorted(latencies)

    def paced(self, envelopes: Sequence[bytes], per_second: int) -> tuple[int, list[int]]:
        """Send them at a steady rate, whether answers come or not; latencies count from when each was due."""
        latencies: list[int] = []

        async def one(envelope: bytes, late: int) -> None:
            latencies.append(await self._one(envelope) + late)

        async def run() -> None:
            began, under_way = time.perf_counter_ns(), []
            for number, envelope in enumerate(envelopes):
                due = began + number * 10**9 // per_second
                if (ahead := due - time.perf_counter_ns()) > 0:
                    await asyncio.sleep(ahead / 10**9)
                late = max(0, time.perf_counter_ns() - due) // 1_000
                under_way.append(asyncio.create_task(one(envelope, late)))
            await asyncio.gather(*under_way)

        return self._timed(run), sorted(latencies)

    async def _one(self, envelope: bytes) -> int:
        """Send one command and wait; the latency in microseconds."""
        began = time.perf_counter_ns()
        waiter: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        while True:
            try:
                self._receipts.submit(envelope, waiter)
                break
            except Overloaded:
                await asyncio.sleep(_BUSY)
        answer = await waiter
        if not isinstance(answer, Recorded) or any(each.rejected for each in answer.entry.outcomes):
            raise RuntimeError(f"not accepted: {answer}")
        answer.proof()
        return (time.perf_counter_ns() - began) // 1_000

    def _timed(self, work: Callable[[], Coroutine[Any, Any, None]]) -> int:
        async def run() -> None:
            self._delivery.loop = asyncio.get_running_loop()
            await work()
            self._delivery.loop = None

        began = time.perf_counter_ns()
        asyncio.run(run())
        return (time.perf_counter_ns() - began) // 1_000_000


def command_ids() -> Iterator[str]:
    """Distinct ids of UUIDv7 form."""
    number = 0
    while True:
        text = f"{(time.time_ns() // 1_000_000) << 80 | 7 << 76 | 2 << 62 | number:032x}"
        yield f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
        number += 1


def percentile(values: Sequence[int], percent: int) -> int:
    """The value below which `percent` of the sorted values lie."""
    return values[min(len(values) - 1, len(values) * percent // 100)] if values else 0
