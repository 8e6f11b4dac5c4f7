"""Tries one command in a copy of the prepared market, and says what its author would be answered."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from counterfoil.catalogue import SUBSCRIPTIONS
from counterfoil.contract.canonical import canonical
from counterfoil.contract.codec import encode_payload
from counterfoil.contract.entry import Entry, EntryCause
from counterfoil.contract.log_id import log_of
from counterfoil.contract.record import Command
from counterfoil.contract.submission import Header
from counterfoil.contract.times import HOUR
from counterfoil.core.directory import Party
from counterfoil.core.engine import Engine
from counterfoil.ledger.events import HoldRefused
from counterfoil.log.merkle import leaf_hash
from counterfoil.runtime.intake import Intake
from counterfoil.runtime.signatures import Signatures
from counterfoil.vocabulary import CODEC
from tests.authority.prepared import Market
from tests.possession import author
from tests.properties.world import DECIDERS, SERVICE_OF, first_in_force
from tests.state_root import state_root

COMMAND_ID: Final = "00000000-0000-7000-8000-ffffffffffff"


class Copy:
    """The services of a market as they are now; what is tried here is not seen there."""

    def __init__(self, market: Market) -> None:
        self.clock = market.clock
        self.detail: dict[str, str] = {}
        """Of the last refusal."""
        self._market = market
        self._engines: dict[str, Engine[Any]] = {}

    def engine(self, service: str) -> Engine[Any]:
        """A service's copy, made when it is needed."""
        if service not in self._engines:
            self._engines[service] = _restored(self._market, service)
        return self._engines[service]

    def party(self, service: str, party_id: str) -> Party:
        """A party as a service knows it, to be changed as if it had been registered so."""
        party: Party = self.engine(service).state.directory.parties.edit(party_id)
        return party

    def pass_time(self, service: str, time: int) -> None:
        """Move the clock, and let a service do what is due by then."""
        self.clock, engine = time, self.engine(service)
        while (due := engine.due()) is not None and due[0] <= max(time, engine.time):
            engine.fire(due[1], due[0])

    def roots(self) -> dict[str, tuple[int, bytes]]:
        """The state roots of all services: of those that were copied, from all records."""
        copied = {name: state_root(DECIDERS[name].records(each.state)) for name, each in self._engines.items()}
        return {name: each.root() for name, each in self._market.engines.items()} | copied

    def answer(self, actor: str, body: Command, key_id: str | None = None) -> str:
        """The refusal's code or `yes`; `hold: ` and a code if the ledger refuses the hold of an order.

        Asserts that an acceptance changes the state of the service, and a refusal no state at all.
        """
        service = SERVICE_OF[type(body)]
        self.engine(service)
        before = self.roots()
        entry, data = self._submit(actor, body, key_id)
        (outcome,) = entry.outcomes
        if outcome.refusal is not None:
            self.detail = dict(outcome.refusal.detail)
            assert not entry.events, "nothing for others to take up"
            assert self.roots() == before, f"{body.TYPE} was refused, and changed something"
            return outcome.refusal.code.value
        assert self.roots()[service] != before[service], f"{body.TYPE} was accepted, and changed nothing"
        return self._hold(entry, data) or "yes"

    def intake(self, body: Command) -> str:
        """The refusal of the same command by somebody whom nobody has registered; it makes no entry."""
        engine = self.engine(SERVICE_OF[type(body)])
        signed = author(199, "stranger").sign(body, engine.origin, COMMAND_ID, self.clock)
        opened, refused = Intake(engine.decider, engine.origin, Signatures()).open([signed], engine.state.directory)
        assert not opened
        ((_, reply),) = refused
        assert reply.refused is not None
        return reply.refused.code.value

    def _submit(self, actor: str, body: Command, key_id: str | None) -> tuple[Entry, bytes]:
        engine = self.engine(SERVICE_OF[type(body)])
        party = engine.state.directory.parties[actor]
        key_id = key_id or (body.RECOVERY and party.recovery_key()) or first_in_force(party)
        header = Header(
            type=body.TYPE, v=body.V, aud=engine.origin, actor=actor, key_id=key_id,
            command_id=COMMAND_ID, issued_at=self.clock, expires_at=self.clock + HOUR,
            seen=None,
        )  # fmt: skip
        submission = CODEC.decode_payload(encode_payload(header, (body,)), bytes(64))
        assert submission.bodies == (body,)
        return engine.submit(submission, self.clock)

    def _hold(self, entry: Entry, data: bytes) -> str | None:
        """What the ledger answers to an order."""
        if log_of(entry.origin).service != "matching":
            return None
        for item, event in enumerate(entry.events):
            if type(event) in SUBSCRIPTIONS["ledger"]["matching"]:
                cause = EntryCause(entry.origin, entry.index, leaf_hash(data), item)
                followed, _ = self.engine("ledger").react(cause, event, self.clock)
                for each in followed.events:
                    if isinstance(each, HoldRefused):
                        return f"hold: {each.code}"
        return None


@cache
def _records(market: Market, service: str) -> tuple[tuple[str, bytes], ...]:
    records = DECIDERS[service].records(market.state(service))
    return tuple((key, canonical(value)) for key, value in records)


def _restored(market: Market, service: str) -> Engine[Any]:
    engine, records = market.engines[service], _records(market, service)
    return Engine.restore(engine.decider, engine.origin, lambda _size: None, records, engine.size, engine.time)
