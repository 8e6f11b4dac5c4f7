"""`counterfoil webhook`: a party's webhooks, and the check of what they send."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final

import typer

from counterfoil.cli.command import Invalid, Out, local
from counterfoil.cli.files import read_bytes, read_text
from counterfoil.cli.gateway_session import GatewaySession, remote
from counterfoil.cli.late import group
from counterfoil.cli.listing import Since, begin_by
from counterfoil.cli.options import argument, option
from counterfoil.cli.render import Record, Rows, plain
from counterfoil.client.problems import NotVerified

app = group("webhook")
Id = Annotated[str, argument("WEBHOOK", "Its id, as `webhook list` shows it.")]
From = Annotated[
    str | None,
    option("--from", "Start at these positions, with commas, in place of --since.", metavar="POSITIONS"),
]
_MOST_BYTES: Final = 1 << 20
"""Of a body, of its headers and of a secret: an event is far shorter."""
_COLUMNS = ("id", "url", "state", "delivered", "last_status", "next_try_at", "paused_because")


@remote(app, "create", "counterfoil webhook create https://hooks.acme.example/counterfoil --as acme")
def create(
    session: GatewaySession,
    target: Annotated[str, argument("URL", "Where events are sent: https, at a public address.")],
    types: Annotated[
        list[str] | None,
        typer.Option("--type", metavar="TYPE", help="Only events of this type. May be repeated. Default: all."),
    ] = None,
    since: Since = None,
    start: From = None,
) -> None:
    """Have the events of `counterfoil feed` sent to a URL, by default those that come from now on.

    The secret is shown once. docs/how-to/webhooks.md says how to receive, verify and answer.
    """
    start, moment = begin_by(session, since, start)
    made = session.gateway.create_webhook(target, types or (), start=start, since=moment)
    session.out.show(made, Record(made), plain("keep the secret now: nobody can show it again", "bold"))


@remote(app, "list", "counterfoil webhook list --as acme")
def list_(session: GatewaySession) -> None:
    """Show the party's webhooks: state, how many events were delivered, and when the next attempt is."""
    rows = session.gateway.webhooks()
    session.out.show(rows, Rows("webhooks", rows, _COLUMNS), columns=_COLUMNS)


@remote(app, "show", "counterfoil webhook show wh_0f1e2d3c4b5a69788796a5b4 --as acme")
def show(session: GatewaySession, webhook: Id) -> None:
    """Show one of them, and how far it is delivered."""
    _show(session, session.gateway.webhook(webhook))


@remote(app, "pause", "counterfoil webhook pause wh_0f1e2d3c4b5a69788796a5b4 --as acme")
def pause(session: GatewaySession, webhook: Id) -> None:
    """Send nothing until it is resumed."""
    _show(session, session.gateway.pause_webhook(webhook))


@remote(app, "resume", "counterfoil webhook resume wh_0f1e2d3c4b5a69788796a5b4 --as acme")
def resume(session: GatewaySession, webhook: Id) -> None:
    """Go on behind the last event that was delivered, at once."""
    _show(session, session.gateway.resume_webhook(webhook))


@remote(app, "test", "counterfoil webhook test wh_0f1e2d3c4b5a69788796a5b4 --as acme")
def test(session: GatewaySession, webhook: Id) -> None:
    """Send an event of the type webhook.test.v1 now, and show what came of it. Exit code 1 if it was not delivered."""
    found = session.gateway.test_webhook(webhook)
    session.out.show(found, Record(found))
    if not found.get("delivered"):
        raise typer.Exit(1)


@remote(app, "replay", "counterfoil webhook replay wh_0f1e2d3c4b5a69788796a5b4 --since 2h --as acme")
def replay(session: GatewaySession, webhook: Id, since: Since = None, start: From = None) -> None:
    """Send again from a time or position on."""
    if since is None and start is None:
        raise Invalid("--since or --from is needed")
    start, moment = begin_by(session, since, start)
    _show(session, session.gateway.replay_webhook(webhook, start, since=moment))


@remote(app, "secret", "counterfoil webhook secret wh_0f1e2d3c4b5a69788796a5b4 --as acme")
def secret(session: GatewaySession, webhook: Id) -> None:
    """Sign with a new secret, which is shown once; the old one signs beside it for a day."""
    made = session.gateway.rotate_webhook_secret(webhook)
    session.out.show(made, Record(made), plain("keep the secret now: nobody can show it again", "bold"))


@remote(app, "delete", "counterfoil webhook delete wh_0f1e2d3c4b5a69788796a5b4 --as acme")
def delete(session: GatewaySession, webhook: Id) -> None:
    """Send nothing more, and forget the secret."""
    session.gateway.delete_webhook(webhook)
    found = {"deleted": webhook}
    session.out.show(found, Record(found))


@local(app, "verify", "counterfoil webhook verify body.json --headers headers.txt --secret-file secret.txt")
def verify(
    out: Out,
    body: Annotated[Path, argument("FILE", "The body, byte for byte as it came.")],
    headers: Annotated[Path, typer.Option("--headers", metavar="FILE", help="The headers, NAME: VALUE, one a line.")],
    secret_file: Annotated[Path, typer.Option("--secret-file", metavar="FILE", help="The secret, whsec_...")],
    tolerance: Annotated[
        int | None, typer.Option("--tolerance", min=0, metavar="SECONDS", help="How old it may be. Default: any age.")
    ] = None,
) -> None:
    """Check a message that was received, without a network. Exit code 1 if it is not by this secret, or changed."""
    from counterfoil.client.webhooks import verify_webhook

    given = dict(_header(line) for line in read_text(headers, _MOST_BYTES).splitlines() if line.strip())
    age = {"tolerance": 1 << 40} if tolerance is None else {"tolerance": tolerance}
    try:
        event = verify_webhook(read_text(secret_file, _MOST_BYTES).strip(), given, read_bytes(body, _MOST_BYTES), **age)
    except NotVerified as problem:
        found = {"verified": False, "code": problem.code, "reason": str(problem)}
        out.show(found, Record(found))
        raise typer.Exit(1) from problem
    except ValueError as problem:
        raise Invalid(f"{secret_file}: {problem}") from problem
    shown = {"verified": True, **{name: event.get(name) for name in ("id", "type", "subject", "time")}}
    out.show({**shown, "event": event}, Record(shown))


def _header(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name.strip(), value.strip()


def _show(session: GatewaySession, webhook: dict[str, Any]) -> None:
    session.out.show(webhook, Record(webhook))
