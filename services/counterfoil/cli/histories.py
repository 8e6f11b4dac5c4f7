"""What is proven about a voucher or a programme, for people: from a gateway's log, or from a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

from counterfoil.cli.command import FOUND, Invalid, Out
from counterfoil.cli.gateway_session import GatewaySession, named_log, read_vkeys
from counterfoil.cli.render import Record, Rows
from counterfoil.cli.values import in_units
from counterfoil.client.histories import Evidence, History, collect, from_file, history, to_file
from counterfoil.client.problems import NotProven
from counterfoil.contract.canonical import Refused
from counterfoil.contract.times import format_time
from counterfoil.ledger.chart import (
    APPROPRIATION,
    CIRCULATION,
    DISBURSED,
    ENDS,
    FUNDING,
    LAPSED,
    OBLIGATED,
    budget,
    claim,
    programme_of,
)
from counterfoil.vocabulary import CODEC

if TYPE_CHECKING:
    from rich.console import RenderableType

    from counterfoil.log.keys import VerifyKey

_COLUMNS: Final = ("time", "entry", "event", "from", "to", "effect", "amount")
_PROVEN: Final = (
    "every entry is in the log, every balance follows from the one before, no posting is missing up to the last one"
)
_NOT_PROVEN: Final = "that none came after the last one: `counterfoil audit` reads the whole log"


def assets_of_programme(programme_id: str) -> list[str]:
    """Its budget, and the claims on it."""
    return [budget(programme_id), claim(programme_id)]


def prove(session: GatewaySession, assets: Sequence[str], save: Path | None) -> None:
    """Show what the log proves about the assets. Exit code 1 if the gateway shows other balances.

    Raises `Invalid` if nothing is known of them, `NotProven`, and what the gateway's client raises.
    """
    rows = [row for asset in assets for row in session.gateway.rows("asset_entries", {"asset": asset})]
    if not rows:
        raise Invalid(f"no entry about {assets[0]} in the ledger is for this reader: --as PARTY says who reads")
    log = named_log(rows[0]["log"])
    key, pinned = session.log_key(log)
    evidence = collect(lambda path: session.gateway.log_file(log, path), key, sorted({row["index"] for row in rows}))
    made = history(evidence, key, assets)
    if save is not None:
        try:
            save.write_bytes(to_file(assets, evidence))
        except OSError as problem:
            raise Invalid(f"cannot write {save}: {problem.strerror}") from problem
    differ = _other_balances(session, assets, made)
    show(session.out, assets, made, {"key_pinned": pinned, "balances_that_differ": differ})
    if differ:
        raise typer.Exit(FOUND)


def _other_balances(session: GatewaySession, assets: Sequence[str], made: History) -> list[str]:
    """The accounts of which the gateway shows other balances than are proven, after the same posting."""
    differ = []
    for asset in assets:
        for row in session.gateway.rows("balances", {"asset": asset}):
            proven = made.last.get((asset, row["account"]))
            shown = (row["posted"], row["held"])
            if proven is not None and proven.n == row["n"] and (str(proven.posted), str(proven.held)) != shown:
                differ.append(f"{row['account']} in {asset}")
    return differ


def pinned_keys(out: Out, vkeys: Path | None) -> dict[str, VerifyKey]:
    """The pinned log keys by origin, of a file or of where they are kept. Raises `Invalid`."""
    return read_vkeys(vkeys if vkeys is not None else out.settings.vkey_file)


def read(file: Path, text: str, pinned: Callable[[], Mapping[str, VerifyKey]]) -> tuple[list[str], History]:
    """What the text of a file proves, without a network: of these assets. Raises `Invalid`, `NotProven`.

    `pinned` is asked only for what is a file of evidence: a wrong file is told first.
    """
    try:
        assets, evidence = from_file(text.encode())
    except NotProven as problem:
        raise Invalid(f"{file} is {problem}, such as `counterfoil voucher prove --save` keeps") from problem
    origin, keys = _origin(file, evidence), pinned()
    if origin not in keys:
        raise Invalid(f"no key of {origin} is pinned")
    return assets, history(evidence, keys[origin], assets)


def _origin(file: Path, evidence: Sequence[Evidence]) -> str:
    try:
        return CODEC.decode_entry(evidence[0].entry).origin
    except (IndexError, Refused) as problem:
        raise NotProven(f"{file} has no entry") from problem


def show(out: Out, assets: Sequence[str], made: History, more: dict[str, Any]) -> None:
    """A voucher's life, or a programme's totals, and what is proven of them."""
    programme_id = programme_of(assets[0])
    amounts = voucher_totals(made, assets[0]) if programme_id is None else programme_totals(made, programme_id)
    totals = {name: str(amount) for name, amount in amounts.items()}
    said = {"tree_size": made.size, "entries": len({each.entry for each in made.postings}), **more}
    proven = {"proven": _PROVEN, "not_proven": _NOT_PROVEN}
    tables: list[RenderableType] = [Record({**in_units(totals, list(totals)), **said, **proven})]
    if programme_id is None:
        tables.insert(0, Rows(f"life of {assets[0]}", _life(made), _COLUMNS, ("amount",)))
    postings = [each._asdict() | {"time": format_time(each.time)} for each in made.postings]
    out.show({"assets": list(assets), "totals": totals, **said, **proven, "postings": postings}, *tables)


def _life(made: History) -> list[dict[str, Any]]:
    """A row for each leg."""
    rows = [
        {
            "time": format_time(each.time), "entry": each.entry, "event": each.event, "from": each.account,
            "to": each.counter_account, "effect": each.effect, "amount": str(each.amount),
        }
        for each in made.postings
        if each.side == "debit"
    ]  # fmt: skip
    return [in_units(row, ["amount"]) for row in rows]


def voucher_totals(made: History, voucher_id: str) -> dict[str, int]:
    """A voucher's face value (micro-units), and where it is now: they add up."""
    owned = [each for (_, account), each in made.last.items() if account.startswith("owner/")]
    held = sum([each.held for each in owned])
    available = sum([each.posted for each in owned]) - held
    face = -made.posted(voucher_id, CIRCULATION)
    return {
        "face": face,
        "available": available,
        "held": held,
        **{name: made.posted(voucher_id, name) for name in ENDS},
    }


def programme_totals(made: History, programme_id: str) -> dict[str, int]:
    """Totals of a programme (micro-units), from the postings of its budget and of the claims on it."""
    of_budget, of_claims = assets_of_programme(programme_id)
    return {
        "appropriated": -made.posted(of_budget, FUNDING),
        "uncommitted": made.posted(of_budget, APPROPRIATION),
        "issued": made.flow(of_budget, APPROPRIATION, OBLIGATED),
        "expired": made.flow(of_budget, OBLIGATED, "", "voucher.expired"),
        "cancelled": made.flow(of_budget, OBLIGATED, "", "voucher.cancelled"),
        "obligated": made.posted(of_budget, OBLIGATED),
        "redeemed": made.flow(of_claims, "claims_payable/", "claims/"),
        "paid": made.posted(of_budget, DISBURSED),
        "lapsed": made.posted(of_budget, LAPSED),
    }
