"""`counterfoil demo`: plays a market on real supply and demand, in one process or over a gateway, and audits it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from counterfoil.cli.audit import tables as audit_tables
from counterfoil.cli.command import FOUND, Invalid, Out, gateway_url, local
from counterfoil.cli.extras import extra
from counterfoil.cli.options import option
from counterfoil.cli.progress import bars
from counterfoil.cli.render import Record, Rows, lines, plain
from counterfoil.cli.values import MICRO, format_amount, show_amount

if TYPE_CHECKING:
    from rich.console import RenderableType

_MONEY: Final = {
    "budget": "appropriated",
    "granted": "issued",
    "redeemed": "redeemed",
    "expired": "expired",
}
"""The amounts in the table of cities, and the members of the report that have them."""
_CLASSES: Final = ("cards_offered", "trades", "card_hours", "list_price", "average_price")
_SERVED_WEEKS: Final = 6
"""Of the story, where it is served in the end: offers are open then, and contracts under way."""
_THOUSAND: Final = 1_000
_CENT: Final = MICRO // 100


_Distributed = Annotated[
    bool, typer.Option("--distributed", help="Start a process for every service, play against them, stop them.")
]
_Kafka = Annotated[
    str | None, option("--kafka", "With --distributed: a Kafka of your own, new to Counterfoil.", metavar="SERVERS")
]
_Database = Annotated[str | None, option("--database", "And a PostgreSQL; see COUNTERFOIL_DATABASE.", metavar="URL")]
_Serve = Annotated[bool, typer.Option("--serve", help="Serve it in the end, for its console, until interrupted.")]


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""

    @local(app, "demo", "counterfoil demo --seed 7")
    def demo(
        out: Out,
        home: Annotated[
            Path, option("--home", "The directory for databases, keys, logs and the report.", metavar="DIR")
        ] = Path("var/demo"),
        seed: Annotated[int, option("--seed", "The same seed gives the same logs.", metavar="N")] = 1,
        nodes: Annotated[
            Path | None, option("--nodes", "The trace's nodes. Default: a sample.", metavar="FILE")
        ] = None,
        pods: Annotated[Path | None, option("--pods", "The trace's tasks. Default: a sample.", metavar="FILE")] = None,
        fresh: Annotated[
            bool, typer.Option("--fresh/--keep", "-f", help="Replace an earlier demo in --home, or refuse to.")
        ] = True,
        prepare: Annotated[
            bool, typer.Option("--prepare", help="Only make keys and a clock in --home, for services to start on.")
        ] = False,
        gateway: Annotated[
            str | None, option("--gateway", "Play against the services behind this gateway.", metavar="URL")
        ] = None,
        clock: Annotated[
            Path | None,
            option("--clock", "The clock they read. Default: COUNTERFOIL_CLOCK, --home/clock.", metavar="FILE"),
        ] = None,
        distributed: _Distributed = False,
        kafka: _Kafka = None,
        database: _Database = None,
        serve: _Serve = False,
    ) -> None:
        """Play a market of cities, providers and start-ups on a cluster trace, and audit its logs.

        Every command is signed, durable and receipted. Exit code 1: the audit found something.

        Services in other processes play the same story to the same balances: --prepare a directory, start them on it
        with COUNTERFOIL_CLOCK=DIR/clock, and play with --gateway. The logs are then downloaded and audited.
        --distributed does all of that, on a Kafka and a PostgreSQL that it starts as well, unless others are given.

        --serve stops the story after six weeks, and serves the open market: its time goes on, and --home has its keys.
        """
        if (kafka is None) != (database is None) or (kafka and not distributed):
            raise Invalid("--kafka and --database go together, and with --distributed")
        if distributed and (prepare or gateway or clock):
            raise Invalid("--distributed prepares and starts everything itself")
        if prepare and (gateway or nodes or pods):
            raise Invalid("--prepare goes with --home and --seed alone; the rest is for playing")
        if serve and (prepare or gateway or distributed):
            raise Invalid("--serve goes with a demo in one process")
        if gateway is None:
            if clock is not None:
                raise Invalid("--clock goes with --gateway: here the clock is the demo's own")
            _refuse_to_replace(home, fresh=fresh)
        if prepare:
            _prepare(out, home, seed)
            return
        if distributed:
            report = _play_distributed(out, home, (kafka, database), (seed, nodes, pods))
        else:
            report = _play(out, home, gateway, clock, (seed, nodes, pods, _SERVED_WEEKS if serve else None))
        out.show(
            report,
            *tables(report),
            *_left(home),
        )
        if not report["audit"]["clean"]:
            raise typer.Exit(FOUND)
        if serve:
            _serve_demo(out, home)


def _left(home: Path) -> list[RenderableType]:
    """Where everything is."""
    served = f"everything is in {home}; served, everybody may read all of it (disclosure: public)"
    return [plain(f"the same with charts: {home / 'report.html'}", "dim"), plain(served, "dim")]


def _serve_demo(out: Out, home: Path) -> None:
    """Serve the demo as it is now; from the end of the story on its clock goes on."""
    from counterfoil.cli.gateway_server import refuse_open_demo
    from counterfoil.cli.up import serve
    from counterfoil.demo.directory import CLOCK
    from counterfoil.instance import Instance
    from counterfoil.runtime.clock import going_on
    from counterfoil.settings import parse_listen

    listen, instance = parse_listen(out.settings.listen), Instance(home)
    refuse_open_demo(instance, listen.host, insecure=False)
    out.settings = out.settings.changed({"clock": home / CLOCK, "home": home})
    with going_on(home / CLOCK):
        serve(out, instance, listen, request_log=False)


def _refuse_to_replace(home: Path, *, fresh: bool) -> None:
    if not fresh and home.is_dir() and any(home.iterdir()):
        raise Invalid(f"{home} is not empty: --fresh replaces an earlier demo")


def _prepare(out: Out, home: Path, seed: int) -> None:
    from counterfoil.demo.play_over_gateway import prepare

    found = prepare(home, seed)
    start = f"next: COUNTERFOIL_CLOCK={found['clock']} counterfoil up --home {home}"
    out.show(found, Record(found), plain(start, "dim"))


def _play(
    out: Out,
    home: Path,
    gateway: str | None,
    clock: Path | None,
    story: tuple[int, Path | None, Path | None, int | None],
) -> dict[str, Any]:
    from counterfoil.demo.directory import CLOCK
    from counterfoil.demo.play import StoryInput
    from counterfoil.demo.play_in_process import play_in_process
    from counterfoil.demo.play_over_gateway import play_over_gateway

    with bars(out) as shown:
        given = StoryInput.load(*story)
        if gateway is None:
            return play_in_process(home, given, shown.reach, shown.advance)
        file = clock or out.settings.clock or home / CLOCK
        return play_over_gateway(gateway_url(out, gateway), file, home, given, shown.reach, shown.advance)


def _play_distributed(
    out: Out, home: Path, given: tuple[str | None, str | None], story: tuple[int, Path | None, Path | None]
) -> dict[str, Any]:
    with extra("cluster,distributed"):
        from counterfoil.demo.play_distributed import play_distributed
    from counterfoil.demo.play import StoryInput

    servers = {"kafka": given[0], "database": given[1], **({} if given[0] else {"secrets": None})}
    settings = out.settings.changed(servers)
    with bars(out) as shown:
        return play_distributed(settings, home, StoryInput.load(*story), shown.reach, shown.advance)


def tables(report: dict[str, Any]) -> list[RenderableType]:
    """The report as tables, for people."""
    currency = report["currency"]
    cities = list(report["cities"].values())
    added = {name: sum(int(row[name]) for row in cities) for name in ("vouchers", *_MONEY.values())}
    shown = [_city(row) for row in [*cities, {"name": "all", "rules": None, **added}]]
    classes = [_class(*each) for each in report["classes"].items()]
    refused = [{"code": code, "times": times} for code, times in report["commands"]["refused"].items()]
    return [
        Rows(f"vouchers, in thousand {currency}", shown, ("city", "rules", "vouchers", *_MONEY), ("vouchers", *_MONEY)),
        lines(_rules(report)),
        Rows(f"accelerators, prices in {currency} per card-hour", classes, ("class", *_CLASSES), _CLASSES),
        lines([f"{row['name']}: {row['price_source']}" for row in report["classes"].values()]),
        *_highlights(report),
        Rows("refusals", refused, ("code", "times"), ("times",)),
        lines(["assumed, since no source says it, or changed:", *(f"- {each}" for each in report["assumed"])]),
        Record(_figures(report)),
        *audit_tables(report["audit"]),
    ]


def _highlights(report: dict[str, Any]) -> list[RenderableType]:
    """Scarcity, a withdrawal, substitutes and credit that was handed on: a table and its sentences each."""
    from counterfoil.demo.telling import told

    shown: list[RenderableType] = []
    for each in told(report):
        right = tuple(name for name in each.columns if name not in each.left)
        shown += [Rows(each.title, each.rows, each.columns, right), lines(list(each.says))]
    return shown


def _city(row: dict[str, Any]) -> dict[str, Any]:
    """A line of the table of cities, amounts in thousand units of the currency, rounded down."""
    thousands = {name: f"{int(row[member]) // (MICRO * _THOUSAND):,}" for name, member in _MONEY.items()}
    return {"city": row["name"], "rules": row["rules"], "vouchers": row["vouchers"], **thousands}


def _rules(report: dict[str, Any]) -> list[str]:
    """Which real programme each template follows, and how it pays."""
    pays = {"bids": "pays bids on the market", "claims": "pays its start-ups by claim, with the invoice"}
    found = {
        row["rules"]: f"after template {row['template']}; {pays[row['pays']]}" for row in report["cities"].values()
    }
    return [f"{name}: {text}" for name, text in sorted(found.items())]


def _class(class_id: str, row: dict[str, Any]) -> dict[str, Any]:
    prices = f"{format_amount(int(row['lowest_price']))} to {format_amount(int(row['highest_price']))}"
    counts = {name: f"{row[name]:,}" for name in ("cards_offered", "trades", "card_hours")}
    average = format_amount(int(row["average_price"]) // _CENT * _CENT) if row["trades"] else None
    return {"class": class_id, **counts, "list_price": prices, "average_price": average}


def _figures(report: dict[str, Any]) -> dict[str, str]:
    bids, commands, speed, currency = report["bids"], report["commands"], report["speed"], report["currency"]
    refusals = sum(commands["refused"].values())
    percent, hundredths = divmod(bids["fill_rate_bps"], 100)
    return {
        "supply": _counts(report["supply"]),
        "demand": _counts(report["demand"]),
        "applications": _counts(report["applications"]),
        "bids": f"{bids['placed']:,} placed, {percent}.{hundredths:02d} % filled ({_counts(bids['ended'])})",
        "contracts": _counts(report["contracts"]),
        "bonds slashed": show_amount(int(report["bonds_slashed"]), currency),
        "claims paid": show_amount(int(report["claims_paid"]), currency),
        "commands": f"{commands['sent']:,} sent, {commands['receipts']:,} receipts, {refusals:,} refused",
        "speed": f"{speed['commands_per_second']:,} commands/s, {speed['entries_per_second']:,} entries/s",
        "balances": f"{report['balances']['sha256'][:16]}, for this seed and input, wherever it is played",
    }


def _counts(values: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in values.items())
