"""`counterfoil programme show`: a programme's budget, and its rules in words."""

from __future__ import annotations

from typing import Annotated, Any, Final

import typer

from counterfoil.cli.gateway_session import GatewaySession, remote
from counterfoil.cli.late_views import VIEWS
from counterfoil.cli.listing import Local, is_local
from counterfoil.cli.options import Wait, argument
from counterfoil.cli.people import for_people
from counterfoil.cli.published_rules import described_lines, described_sections, row_of, rules_in
from counterfoil.cli.render import Record, lines, plain


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""

    @remote(app, "show", "counterfoil programme show springfield-2026")
    def show(
        session: GatewaySession,
        programme: Annotated[str, argument("PROGRAMME", "The programme's id.")],
        local_: Local = None,
        wait: Wait = None,
    ) -> None:
        """Show a programme: its budget, and the rules of its current version in words."""
        gateway, local_ = session.gateway, is_local(session.out, local_)
        row = gateway.get("programmes", programme, wait_for=wait or ())
        published = row_of(gateway, programme, int(row["version"]))
        if published is None:
            terms = gateway.get("programme_versions", programme, str(row["version"]))
            if session.out.for_people:
                (budget,) = for_people(gateway, VIEWS["programmes"], [row], local=local_)
                (told,) = for_people(gateway, VIEWS["programme_versions"], [terms], local=local_)
                session.out.show(None, Record(budget), plain(""), Record(_in_words(told)))
            else:
                session.out.show({**row, "terms": terms}, columns=(*VIEWS["programmes"].columns, "terms"))
            return
        rules = rules_in(gateway, published)
        if session.out.for_people:
            (budget,) = for_people(gateway, VIEWS["programmes"], [row], local=local_)
            digest = plain(f"document {published['document_id']}, rules {published['rules_hash']}")
            session.out.show(None, Record(budget), plain(""), lines(described_lines(rules)), digest)
        else:
            shown = {**row, "document": published, "rules": described_sections(rules)}
            session.out.show(shown, columns=(*VIEWS["programmes"].columns, "document", "rules"))


def _in_words(terms: dict[str, Any]) -> dict[str, Any]:
    """The terms of a version, as for people."""
    after = terms["expires_after_seconds"]
    share = f"{terms['share_num']}/{terms['share_den']} of the price by voucher, the rest by its beneficiary"
    tolls = "are paid even if delivered later" if terms["hold_tolls_expiry"] else "are paid if delivered before"
    goes = "back to the budget" if terms["recycle"] == "appropriation" else "nowhere: it lapses"
    return {
        "terms of version": terms["version"],
        "legal_basis": terms["legal_basis"],
        "share": share,
        "cap": f"{terms['beneficiary_cap']} for each group of related parties",
        "least voucher": terms["min_face"],
        "classes": terms["classes"],
        "regions": terms["regions"],
        "valid": f"from {terms['valid_from']} until {terms['valid_until']}",
        "a voucher ends": f"at {terms['expires_at']}" if after is None else f"{_span(after)} after it was issued",
        "trades made in time": tolls,
        "expired value goes": goes,
        "usage is reported": f"within {_span(terms['report_within_seconds'])} after delivery",
        "and disputed": f"within {_span(terms['dispute_window_seconds'])} after the report",
        "redemption": _MODELS.get(terms["redemption_model"], terms["redemption_model"]),
        "published_at": terms["published_at"],
    }


def _span(seconds: int) -> str:
    """A length of time, in the largest unit that leaves no rest."""
    return next(
        f"{seconds // size:,} {unit}" for unit, size in (("days", 86_400), ("hours", 3_600), ("minutes", 60), ("s", 1))
        if seconds % size == 0
    )  # fmt: skip


_MODELS: Final = {
    "deduct_at_provider": "deduct at provider: the beneficiary pays its part, and the provider claims the subsidy"
}
