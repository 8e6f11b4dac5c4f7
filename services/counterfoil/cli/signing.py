"""CLI commands that sign: their options become a command's body, which is checked, signed and submitted, and whose
receipt is verified.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, cast

import typer

from counterfoil.cli.command import CaOption, Command, Invalid, Out, Parameters, UrlOption, make
from counterfoil.cli.delivery import Sending
from counterfoil.cli.gateway_session import GatewaySession, named_log
from counterfoil.cli.passphrases import PassphraseFile, passphrase_of
from counterfoil.cli.people import currencies_of
from counterfoil.cli.reading import bearer_by
from counterfoil.cli.render import Record, plain
from counterfoil.cli.values import format_amount, in_units, show_amount
from counterfoil.contract.log_id import MAIN, host_of, log_of
from counterfoil.contract.record import Command as Body

if TYPE_CHECKING:
    from rich.console import RenderableType

    from counterfoil.client.bearer import Bearer
    from counterfoil.client.delivery import Settled
    from counterfoil.client.http import Gateway
    from counterfoil.client.party import Party
    from counterfoil.contract.record import Event

AsOption = Annotated[
    str | None,
    typer.Option(
        "--as", metavar="PARTY", help="Who signs: a party's id. Its key file is PARTY.pem. Default: COUNTERFOIL_PARTY."
    ),
]
KeyOption = Annotated[
    str | None, typer.Option("--key", metavar="NAME", help="Sign with the key file NAME.pem instead.")
]
KeysOption = Annotated[
    Path | None,
    typer.Option(
        "--keys", metavar="DIR", help="The directory of key files. Default: COUNTERFOIL_KEYS, or keys in the instance."
    ),
]
ShardOption = Annotated[
    str, typer.Option("--shard", metavar="NAME", help="The shard of the service that is to decide it.")
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Show what would be signed, and what it means; sign and send nothing.")
]
IdempotencyOption = Annotated[
    str | None,
    typer.Option(
        "--idempotency-key",
        metavar="TEXT",
        help="Your own name of this command, such as an order's number: run again with it, nothing is done twice.",
    ),
]
SIGNING: Final[Parameters] = {
    "as_": (AsOption, None),
    "key": (KeyOption, None),
    "keys": (KeysOption, None),
    "passphrase_file": (PassphraseFile, None),
    "shard": (ShardOption, MAIN),
    "idempotency_key": (IdempotencyOption, None),
    "dry_run": (DryRun, False),
    "url": (UrlOption, None),
    "ca": (CaOption, None),
}
MAKERS: Final[dict[tuple[str, str], Callable[..., Body]]] = {}
"""By group and name of a command: what makes its body of its options."""
Complete = Callable[["Gateway", dict[str, Any]], None]
"""Completes the options of a command by what a gateway knows."""
COMPLETED: Final[dict[tuple[str, str], Complete]] = {}
"""By group and name of a command whose options may have to be completed."""
_FORMS: Final[Mapping[str, str]] = {
    "'^(?:[^\\x00-": "text of at least one character, without control characters",
    "'^(?:[a-z0-9](?:[a-z0-9._-]": "an id: up to 63 of a-z, 0-9, dot, dash and underscore; first and last a-z or 0-9",
    "'^(?:[A-Z]{3})$'": "a currency: three letters A to Z",
    "'^(?:[A-Z]{3}|GPU_HOUR)$'": "a currency: three letters A to Z, or GPU_HOUR",
}
"""What the beginning of a pattern in a message of the contract's forms says, in words."""
AMOUNTS: Final = ("Amount", "PositiveAmount", "SignedAmount", "Price")
"""The types of members that are amounts."""


class SigningSession(GatewaySession):
    """A session with a gateway that signs for one party."""

    def __init__(
        self,
        out: Out,
        as_: str | None,
        key: str | None,
        keys: Path | None,
        passphrase_file: Path | None,
        shard: str,
        idempotency_key: str | None,
        dry_run: bool,
        url: str | None,
        ca: Path | None = None,
    ) -> None:
        super().__init__(out, url, as_, ca)
        self.dry_run = dry_run
        self._shard, self.words = shard, idempotency_key
        from counterfoil.cli.keyring import Keyring

        directory = keys if keys is not None else out.settings.key_directory
        self.keyring = Keyring(directory, passphrase_of(out, passphrase_file))
        party = as_ if as_ is not None else out.settings.party
        if party is None:
            raise Invalid("Missing option '--as': who signs? COUNTERFOIL_PARTY or a profile can say it, too")
        self.author = self.keyring.author(party, key)

    def bearer(self) -> Bearer:
        """It reads as the party that it signs for."""
        return bearer_by(self.out, self.url, self.author.party_id, lambda: self.author, self.trusted_host)

    def host(self) -> str:
        """The name of the instance, as its logs' keys have it."""
        return host_of(self.log_key(named_log("issuance"))[0].name)

    @cached_property
    def _sending(self) -> Sending:
        return Sending(self)

    @cached_property
    def _party(self) -> Party:
        from counterfoil.client.party import Party
        from counterfoil.runtime.clock import time_by

        def clock() -> int:
            return time_by(self.out.settings.clock)

        directory, sending = self.keyring.directory, self._sending.begin
        return Party(self.gateway.exchanges, self.author, directory, self.pinned, clock, sending)

    def send(self, body: Body) -> None:
        """Sign and submit one command, verify its receipt, and show it."""
        show_settled(self, self.deliver(body))

    def deliver(self, body: Body, words: str | None = None) -> Settled:
        """Sign and submit one command, and verify its receipt. `words` name it in place of the user's own."""
        check(body)
        return self._deliver(body, words or self.words)

    def deliver_batch(self, bodies: Sequence[Body], words: str | None) -> Settled:
        """Sign and submit commands to one log as a batch; if it is named by `words`, it is done once."""
        return self._deliver(tuple(bodies), words)

    def _deliver(self, body: Body | tuple[Body, ...], words: str | None) -> Settled:
        if self.dry_run:
            self._describe(body, words)
            raise typer.Exit
        return self._sending.run(self._party.send(body, words, self._shard))

    def _describe(self, body: Body | tuple[Body, ...], words: str | None) -> None:
        """Show what would be signed: its bytes but for the last checkpoint met, and what it means."""
        from counterfoil.client.ids import command_id_of, new_command_id
        from counterfoil.contract.canonical import loads
        from counterfoil.contract.forms import dump
        from counterfoil.runtime.clock import time_by
        from counterfoil.words import service_of

        first = body[0] if isinstance(body, tuple) else body
        log, _ = self.log_key(named_log(f"{service_of(first)}/{self._shard}"))
        id_ = new_command_id() if words is None else command_id_of(self.author.party_id, words)
        payload = self.author.payload(body, log.name, id_, time_by(self.out.settings.clock))
        meaning = " ".join((inspect.getdoc(type(first)) or "").partition("\n\n")[0].split())
        facts = {"dry run": "nothing was signed or sent", "command": first.TYPE, "meaning": meaning,
                 "id": f"{self.author.party_id}/{id_}", "to": log.name}  # fmt: skip
        row, amounts = dump(first), _amounts(first)
        (currency,) = currencies_of(self.gateway if amounts and self.out.for_people else None, [row])
        shown = Record({**facts, **in_units(row, amounts, lambda micro: show_amount(micro, currency))})
        value = {"dry_run": True, "command_id": id_, "audience": log.name, "payload": loads(payload)}
        self.out.show({**value, "canonical": payload.decode()}, shown, plain(payload.decode()))


def check(body: Body) -> None:
    """Check a body against the contract before it is signed. Raises `Invalid`."""
    from counterfoil.contract.canonical import Refused
    from counterfoil.contract.forms import dump
    from counterfoil.words import codec_of, service_of

    try:
        codec_of(service_of(body)).load_body(body.TYPE, body.V, dump(body))
    except Refused as problem:
        raise Invalid(refused_form(problem.refusal.code.value, dict(problem.refusal.detail))) from problem


def refused_form(code: str, detail: Mapping[str, str]) -> str:
    """What is wrong with a body's form, in one line."""
    if detail.keys() == {"member", "reason"}:
        return f"{detail['member']}: {_reason(detail['reason'])} ({code})"
    return f"{code}: {', '.join(f'{name} {_reason(value)}' for name, value in detail.items())}"


def _reason(text: str) -> str:
    """What a form asks for, in words: not as a pattern, and amounts in units of the currency."""
    range_ = re.fullmatch(r"(?:Value error, )?must be from (-?[0-9]+) to ([0-9]+)", text)
    if range_ is not None:
        return f"an amount from {format_amount(int(range_[1]))} to {format_amount(int(range_[2]))}"
    return next((words for pattern, words in _FORMS.items() if pattern in text), text.removeprefix("Value error, "))


def signing(app: typer.Typer, name: str, example: str) -> Callable[[Command], Command]:
    """A command that signs; its first parameter is a `SigningSession`."""
    return make(app, name, example, SIGNING, SigningSession)


def signed(app: typer.Typer, name: str, example: str) -> Callable[[Callable[..., Body]], Command]:
    """A command that signs and submits the body that the decorated function makes of its options."""

    def add(function: Callable[..., Body]) -> Command:
        def run(session: SigningSession, **values: Any) -> None:
            session.send(function(**values))

        return add_signed(app, name, example, run, function)

    return add


def add_signed(
    app: typer.Typer,
    name: str,
    example: str,
    run: Command,
    function: Callable[..., Body],
    *further: inspect.Parameter,
) -> Command:
    """Add `run` as a command; its options are the parameters of `function`, whose help text it has, and `further`."""
    MAKERS[str(app.info.name), name] = function
    own = inspect.signature(function, eval_str=True)
    session = inspect.Parameter("session", inspect.Parameter.KEYWORD_ONLY)
    keyword = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own.parameters.values()]
    run.__signature__ = inspect.Signature([session, *keyword, *further])  # type: ignore[attr-defined]
    run.__doc__ = function.__doc__
    return signing(app, name, example)(run)


def further(options: Parameters) -> list[inspect.Parameter]:
    """Options that a command has beside those of its body, for `add_signed`."""
    return [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)
        for name, (annotation, default) in options.items()
    ]


# output for people ----------------------------------------------------------------------------------------------------


def show_settled(session: GatewaySession, settled: Settled) -> None:
    """Show an accepted command: its entry's events, and under which key its receipt was verified."""
    session.out.show({**settled.receipt, "key_pinned": settled.pinned}, *accepted(session, settled))


def accepted(session: GatewaySession, settled: Settled) -> list[RenderableType]:
    """What people see of an accepted command; nothing for programs."""
    if not session.out.for_people:
        return []
    proven, pinned = settled.proven, settled.pinned
    entry = proven.entry
    lines: list[RenderableType] = [plain(f"accepted: {log_of(entry.origin).name}:{entry.index}", "bold green")]
    lines += [Record({"id": entry.id}), *map(Record, event_rows(entry.events, session.gateway))]
    word = "a pinned key" if pinned else "the gateway's own key; pin the log keys to be sure: COUNTERFOIL_VKEYS"
    lines.append(plain(f"receipt verified under {word}, tree size {proven.checkpoint.size}", "dim"))
    return lines


def event_rows(events: Sequence[Event], gateway: Gateway | None = None) -> list[dict[str, Any]]:
    """Events for people: the type first, and amounts with their currency where the event or the gateway tells it."""
    from counterfoil.contract.codec import dump_event

    rows = [dump_event(event) for event in events]
    amounts = [_amounts(event) for event in events]
    known = currencies_of(gateway if any(amounts) else None, rows)
    return [_event_row(*each) for each in zip(rows, amounts, known, strict=True)]


def _event_row(row: dict[str, Any], amounts: set[str], currency: str | None) -> dict[str, Any]:
    if "legs" in row:
        row["legs"] = [_leg(leg) for leg in row["legs"]]
    return {"event": row.pop("type"), **in_units(row, amounts, lambda micro: show_amount(micro, currency))}


def _amounts(body: Body | Event) -> set[str]:
    """The members that are amounts."""
    return {each.name for each in fields(cast(Any, body)) if str(each.type).removesuffix(" | None") in AMOUNTS}


def _leg(leg: Mapping[str, Any]) -> str:
    return f"{leg['effect']} {show_amount(int(leg['amount']), leg['asset'])}: {leg['debit']} to {leg['credit']}"
