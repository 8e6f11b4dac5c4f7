"""Commands whose modules are imported when they are named: a start pays for one group, not for all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property, partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import typer
from typer.core import TyperCommand

from counterfoil.cli.parameters import QuickGroup

if TYPE_CHECKING:
    from counterfoil.cli.lists import Listing


class Late(NamedTuple):
    """A command or group that is not imported: its module, and its help text in one paragraph.

    `apart`: commands of a group in modules of their own, MODULE_COMMAND, which are read without the others.
    """

    module: str
    help: str
    apart: tuple[str, ...] = ()


COMMANDS: Final[Mapping[str, Late]] = {
    "init": Late(
        "init",
        "Make a new instance: keys for its logs and its operator. An existing one is never changed.",
    ),
    "up": Late("up", "Serve the instance, all services in this process, until interrupted."),
    "serve": Late(
        "serve",
        "Serve components of an instance in this process, on Kafka and PostgreSQL, until interrupted.",
    ),
    "demo": Late(
        "demo",
        "Play a market of cities, providers and start-ups on a cluster trace, and audit its logs.",
    ),
    "audit": Late(
        "audit",
        "Replay published logs: signatures, trees, causes, every decision, conservation, every trade.",
    ),
    "report": Late(
        "report",
        "Reports on a programme, from published logs alone: list, R1, R2, R3, R4, R5, R6, R7, R8, R9, R10, "
        "R11, R12, R13, R15, R16, verify.",
    ),
    "findings": Late(
        "findings",
        "Look for patterns of fraud in published logs: who, how much, and the entries that show it.",
    ),
    "backup": Late(
        "backup",
        "Write a backup of the instance: all logs as of one instant, and its private keys. Services may run meanwhile.",
    ),
    "restore": Late(
        "backup",
        "Restore an instance from a backup, into a home that is missing, or has only its published logs.",
    ),
    "keys": Late(
        "keys",
        "Keys and their files: new, show, list, passphrase, prove, add, revoke, set-recovery, registered.",
    ),
    "login": Late("login", "Open a session, by which commands read as this party for an hour."),
    "logout": Late(
        "login",
        "End the session of the party that logged in last, or that --as names, and forget its token.",
    ),
    "session": Late("session", "Sessions, by which a party reads: show."),
    "profile": Late("profile", "Profiles: list, show, set, use."),
    "completion": Late(
        "completion", "Print the completion script of a shell: its completion file, or a text for `eval`."
    ),
    "party": Late(
        "party",
        "Parties: register, group, groups, show, list, recover, propose-recovery, object, "
        "recoveries, close, suspend, reinstate, cancel-order, cancel-orders, cancellations, "
        "appoint-auditor, dismiss-auditor, auditors.",
        apart=("show",),
    ),
    "class": Late("accelerator_class", "Accelerator classes: register, bundled, show, list."),
    "inventory": Late("inventory", "What providers have at their sites: attest, show, list."),
    "programme": Late(
        "programme",
        "Programmes: templates, publish, appropriate, reduce, list-provider, pause, resume, "
        "four-eyes, totals, show, list.",
        apart=("show", "document"),
    ),
    "application": Late(
        "application",
        "Applications: submit, return, withdraw, review, score, set-caps, decide, steps, scores, show, list.",
    ),
    "window": Late("window", "Windows of applications that are decided together: open, close, show, list."),
    "fact": Late("fact", "Facts that programmes judge by: attest, list."),
    "aid": Late("aid", "What counts towards ceilings of law: regime, attest, withdraw, total, list."),
    "voucher": Late(
        "voucher", "Vouchers: issue, suspend, reinstate, revoke, return, surrender, restore, trace, prove, show, list."
    ),
    "transfer": Late("transfer", "Vouchers handed on: check, propose, approve, accept, reject, withdraw, show, list."),
    "credit": Late("credit", "The credit market: offer, bid, cancel, depth, trades, show, list."),
    "pledge": Late("pledge", "Vouchers as security: make, release, enforce, show, list."),
    "offer": Late("offer", "Offers: post, amend, cancel, show, list, search, market, traded, depth, trades."),
    "bid": Late("bid", "Bids: place, amend, cancel, explain, show, list.", apart=("explain",)),
    "auction": Late(
        "auction",
        "Auctions with one price an hour: schedule, cancel, offer, bid, improve, solve, prices, orders, solutions.",
    ),
    "usage": Late("usage", "Delivery: report, correct, accept, dispute, resolve, cancel, show, list."),
    "claim": Late("claim", "Claims: submit, approve, reject, settle, pay, return, show, list."),
    "reversal": Late("reversal", "Reversed captures: propose, agree, decide, recover, show, list."),
    "clawback": Late("clawback", "Payments taken back: order, appeal, decide, write-off, show, list."),
    "market": Late("market", "Halts and bounds: halt, resume, collar, position-limit, order-limit."),
    "adjustment": Late("adjustment", "Payments of earlier periods that were too small: make, show, list."),
    "currency": Late("currency", "Currencies beside those of ISO 4217: register, list."),
    "balance": Late("balance", "Balances: show, deposit, withdraw, prove, list.", apart=("show",)),
    "import": Late(
        "bulk",
        "Give a command for every line of a file. The columns are the options of that command, without dashes.",
    ),
    "export": Late(
        "export",
        "Write all rows of a view, or of every view, into a file, which replaces an older one when it is complete.",
    ),
    "statement": Late(
        "statement",
        "A party's statement for a month: cash, each voucher, claims, receivables; of an issuer, its budgets.",
    ),
    "quote": Late(
        "quote",
        "Say what a bid for a block would come to now: price, subsidy, co-payment, what pays, and what is missing.",
    ),
    "feed": Late("feed", "Print the events that concern the party and its programmes, one per line, in order."),
    "webhook": Late("webhook", "Webhooks: create, list, show, pause, resume, test, replay, secret, delete, verify."),
    "resend": Late(
        "resend",
        "Send commands again whose outcome is not known: a lost answer, a time-out, an interrupt.",
    ),
    "submit": Late(
        "submit", "Sign and send a command that the console has prepared. With --dry-run, see first what it means."
    ),
    "rules": Late("rules", "Rules versions: adopt, list."),
    "log": Late("mirror", "The public logs: checkpoint, entry, receipt, verify, tail, mirror."),
    "proof": Late("proof", "Evidence in files: verify."),
    "clock": Late("clock", "The clocks of the logs: status, accept."),
    "schemas": Late(
        "schemas",
        "Write the JSON Schemas of commands, events and entries, all codes, and the OpenAPI and AsyncAPI documents.",
    ),
    "study": Late(
        "study", "Compare continuous matching with a batch auction, on the same orders, made of a cluster trace."
    ),
    "bench": Late(
        "bench",
        "Measure this machine: receipts, market, books, replay, audit, state roots, starts, commands, memory.",
    ),
    "cluster": Late("cluster", "A real Kafka and PostgreSQL on this machine: up, down, status."),
    "topics": Late("topics", "Topics, users and rights on Kafka: apply, check."),
    "database": Late("database", "Schemas, roles and rights in PostgreSQL: apply, check."),
    "dead-letters": Late("dead_letters", "Records that no consumer accepted: list, show, replay."),
}
"""By the name of a command or group, in the order of the help. A module has an `app` or a `register`; of a group of
several modules, it is the one that imports the others. A group takes its help text from here; that of a single command
is the first paragraph of its own (compared by a test).
"""


def group(name: str) -> typer.Typer:
    """An empty group of commands, with the help text of its name."""
    return typer.Typer(name=name, cls=QuickGroup, help=COMMANDS[name].help, no_args_is_help=True)


class LateCommands(Mapping[str, Any]):
    """Commands by name, each made by its function when it is first asked for."""

    def __init__(self, makers: Mapping[str, Callable[[], Any]]) -> None:
        self._makers = makers
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            self._made[name] = self._makers[name]()
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)

    def __contains__(self, name: object) -> bool:
        return name in self._makers


def all_commands() -> LateCommands:
    """Every command and group, by name."""
    return LateCommands({name: partial(_command, name) for name in COMMANDS})


class LateGroup(QuickGroup):
    """The group of all commands. What it says of them by itself costs no import of theirs."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.commands = all_commands()  # type: ignore[assignment]

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """The help text, with a line for each command."""
        with self._described():
            super().format_help(ctx, formatter)

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        """The commands that begin so, for a shell."""
        with self._described():
            return super().shell_complete(ctx, incomplete)

    @contextmanager
    def _described(self) -> Iterator[None]:
        whole = self.commands
        self.commands = {name: TyperCommand(name, help=each.help) for name, each in COMMANDS.items()}
        try:
            yield
        finally:
            self.commands = whole


def _command(name: str) -> Any:
    from counterfoil.cli.lists import LISTS

    listings, apart = LISTS.get(name, ()), COMMANDS[name].apart
    if not listings and not hasattr(_module(name), "app"):
        return _alone(name, name, _module(name).register)
    made: Any = typer.main.get_group(group(name))
    made.commands = GroupCommands(name, listings, apart)
    return made


class GroupCommands(LateCommands):
    """The commands of a group: those that show views, and those apart, are made without the module of the group."""

    def __init__(self, name: str, listings: Sequence[Listing], apart: Sequence[str]) -> None:
        """`name`: of the group."""
        adding: dict[str, Callable[[typer.Typer], None]] = {each: partial(_add_apart, name, each) for each in apart}
        for listing in listings:
            adding |= {"show": partial(_add_show, listing)} if listing.key else {}
            adding[listing.name] = partial(_add_list, listing)
        super().__init__({each: partial(_alone, name, each, add) for each, add in adding.items()})
        self._name = name

    def __getitem__(self, name: str) -> Any:
        return super().__getitem__(name) if name in self._makers else self._whole[name]

    def __iter__(self) -> Iterator[str]:
        yield from (name for name in self._whole if name not in self._makers)
        yield from self._makers

    def __len__(self) -> int:
        return len(set(self._whole) | set(self._makers))

    def __contains__(self, name: object) -> bool:
        return name in self._makers or name in self._whole

    @cached_property
    def _whole(self) -> Mapping[str, Any]:
        """The commands of the group's module; one is built when it is called, or described in a help text."""
        registered = _module(self._name).app.registered_commands
        return LateCommands({each.name: partial(_only, self._name, each) for each in registered})


def _module(name: str) -> Any:
    return import_module(f"counterfoil.cli.{COMMANDS[name].module}")


def _add_apart(group_name: str, name: str, app: typer.Typer) -> None:
    import_module(f"counterfoil.cli.{COMMANDS[group_name].module}_{name}").register(app)


def _add_list(listing: Listing, app: typer.Typer) -> None:
    from counterfoil.cli.listing import add_list

    add_list(app, listing)


def _add_show(listing: Listing, app: typer.Typer) -> None:
    from counterfoil.cli.listing import add_show

    add_show(app, listing)


def _alone(group_name: str, name: str, add: Callable[[typer.Typer], None]) -> Any:
    alone = typer.Typer(name=group_name)
    add(alone)
    return typer.main.get_group(alone).commands[name]


def _only(group_name: str, registered: Any) -> Any:
    """One of the commands that are registered with a group."""
    return _alone(group_name, registered.name, lambda alone: alone.registered_commands.append(registered))
