"""Every command, by a party of every role, on its own object, on that of a related party and on that of a foreign one.

`docs/who-may-do-what.md` says what is answered. Each cell is tried in a market where nothing but authority is in the
way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from counterfoil.contract.record import Command
from counterfoil.contract.refusals import Code
from counterfoil.core.directory import Key, Party
from counterfoil.core.duties import SEPARATE
from tests.authority.cases import ABOUT
from tests.authority.prepared import ROLES, Market
from tests.authority.stage import CELLS, COMMANDS, every_command, stage
from tests.authority.table import Cell, given_while_stopped, naming_stopped, signed_by
from tests.authority.trial import Copy
from tests.properties.world import SERVICE_OF, first_in_force


def test_the_cases_are_of_the_newest_versions(market: Market) -> None:
    for command, about in ABOUT.items():
        for make in about.values():
            assert {type(body) for body in make(market).bodies.values()} == {COMMANDS[command]}


@every_command
def test_who_may_give_it(market: Market, command: str) -> None:
    wrong = []
    for cell, answer in CELLS.items():
        if cell.command == command:
            case, copy = ABOUT[command][cell.relation_to](market), Copy(market)
            found = copy.answer(stage(copy, case, cell), case.bodies[cell.relation])
            if found != answer:
                wrong.append(f"{cell}: {found}, not {answer}")
    assert not wrong, "\n".join(wrong)


@every_command
def test_a_party_of_all_roles_may_what_one_of_them_may(market: Market, command: str) -> None:
    """So who is everything at once is kept from its own and its group's objects as anybody is."""
    answers: dict[tuple[str, str], list[tuple[Cell, str]]] = {}
    for cell, answer in CELLS.items():
        if cell.command == command:
            answers.setdefault((cell.relation_to, cell.relation), []).append((cell, answer))
    for some in answers.values():
        cell, best = min(some, key=lambda each: (each[1] != "yes", each[1] == Code.ROLE_NOT_ALLOWED.value))
        case, copy = ABOUT[command][cell.relation_to](market), Copy(market)
        body = case.bodies[cell.relation]
        actor = stage(copy, case, cell)
        copy.party(SERVICE_OF[type(body)], actor).roles = ROLES
        assert copy.answer(actor, body) == best, cell


def test_all_duties_that_are_kept_apart_are_met(market: Market) -> None:
    met = set()
    for cell, answer in CELLS.items():
        if answer == Code.DUTIES_NOT_SEPARATE.value:
            case, copy = ABOUT[cell.command][cell.relation_to](market), Copy(market)
            copy.answer(stage(copy, case, cell), case.bodies[cell.relation])
            met.add(copy.detail["duties"])
    for one, other in SEPARATE:
        assert {f"{one} and {other}", f"{other} and {one}"} & met, f"{one} and {other}"


# whose signature ----------------------------------------------------------------------------------------------------


def _close(party: Party) -> None:
    party.closed = True


def _suspend(party: Party) -> None:
    party.suspended = True


def _revoke(party: Party) -> None:
    for keys in (party.keys, party.recovery_keys):
        for key_id, key in keys.items():
            keys[key_id] = key._replace(in_force=False)


def _nothing(_party: Party) -> None:
    """As it is."""


def _ends(command: type[Command]) -> bool:
    return command.TYPE in given_while_stopped()


def _begins(command: type[Command]) -> bool:
    return not _ends(command)


def _any(_party: Party) -> None:
    """Its usual key."""


class Signer(NamedTuple):
    """Who signs: the commands it is tried with, what happened to its party before, and with which key, if not any."""

    tried: Callable[[type[Command]], bool]
    before: tuple[Callable[[Party], None], ...]
    key: Callable[[Party], str | None]


SIGNERS: Final[dict[str, Signer]] = {
    "a revoked key": Signer(lambda _: True, (_revoke,), lambda party: next(iter(party.keys))),
    "a recovery key, any command but recover_party": Signer(
        lambda command: not command.RECOVERY, (_nothing,), lambda party: next(iter(party.recovery_keys))
    ),
    "another key, recover_party": Signer(lambda command: command.RECOVERY, (_nothing,), first_in_force),
    "a closed party, a command that begins something": Signer(_begins, (_close,), _any),
    "a suspended party, a command that begins something": Signer(_begins, (_suspend,), _any),
    "a closed or suspended party, a command that ends something": Signer(_ends, (_close, _suspend), _any),
}


@every_command
def test_whose_signature_it_needs(market: Market, command: str) -> None:
    cell = next(cell for cell, answer in CELLS.items() if cell.command == command and answer == "yes")
    case = ABOUT[command][cell.relation_to](market)
    body = case.bodies[cell.relation]
    answers = signed_by()
    assert Copy(market).intake(body) == answers.pop("nobody who is registered")
    assert answers.keys() == SIGNERS.keys()
    for name, signer in SIGNERS.items():
        for before in signer.before if signer.tried(type(body)) else ():
            copy = Copy(market)
            party = copy.party(SERVICE_OF[type(body)], stage(copy, case, cell))
            party.recovery_keys = party.recovery_keys or {"feed" * 4: Key(bytes(32), True)}
            before(party)
            assert copy.answer(party.party_id, body, signer.key(party)) == answers[name], f"{command} by {name}"


@every_command
def test_whether_it_may_name_a_stopped_party(market: Market, command: str) -> None:
    answers = naming_stopped().get(command, ("yes", "yes"))
    for cell, answer in CELLS.items():
        if (cell.command, cell.relation, answer) == (command, "foreign", "yes"):
            case = ABOUT[command][cell.relation_to](market)
            for stop, expected in zip((_close, _suspend), answers, strict=True):
                copy, body = Copy(market), case.bodies["foreign"]
                actor = stage(copy, case, cell)
                stop(copy.party(SERVICE_OF[type(body)], case.foreign or case.owner))
                assert copy.answer(actor, body) == expected, f"{cell}, {stop.__name__}"
