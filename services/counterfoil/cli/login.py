"""`counterfoil login` and `logout`: open and end sessions by which a party reads."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from counterfoil.cli.command import Invalid, Out, UrlOption, local
from counterfoil.cli.gateway_session import GatewaySession, remote
from counterfoil.cli.keyring import Keyring
from counterfoil.cli.options import PartyId
from counterfoil.cli.passphrases import PassphraseFile, passphrase_of
from counterfoil.cli.reading import log_in, reader_of, tokens_of
from counterfoil.cli.render import Record, plain
from counterfoil.client.problems import RefusedByService
from counterfoil.contract.times import format_time


def register(app: typer.Typer) -> None:
    """Add both commands to `app`."""

    @local(app, "login", "counterfoil login springfield")
    def login(
        out: Out,
        party: PartyId,
        key: Annotated[
            str | None, typer.Option("--key", metavar="NAME", help="Sign with the key file NAME.pem instead.")
        ] = None,
        keys: Annotated[
            Path | None,
            typer.Option(
                "--keys",
                metavar="DIR",
                help="The directory of key files. Default: COUNTERFOIL_KEYS.",
            ),
        ] = None,
        passphrase_file: PassphraseFile = None,
        url: UrlOption = None,
    ) -> None:
        """Open a session, by which commands read as this party for an hour.

        They do from then on, unless --as or COUNTERFOIL_READER says otherwise. Where the key has no passphrase no login
        is needed: --as opens a session by itself. The token is kept beside the keys, for your user alone.
        """
        session = GatewaySession(out, url)
        directory = keys if keys is not None else out.settings.key_directory
        author = Keyring(directory, passphrase_of(out, passphrase_file)).author(party, key)
        opened = log_in(out, session.url, author, session.trusted_host())
        tokens_of(out).set_last(session.url, party)
        found = {"party_id": party, "gateway": session.url, "expires_at": format_time(opened.expires_at)}
        out.show(found, Record(found), plain("`counterfoil logout` ends it", "dim"))

    @remote(app, "logout", "counterfoil logout")
    def logout(
        session: GatewaySession,
        all_: Annotated[bool, typer.Option("--all", help="End all sessions of the party, everywhere.")] = False,
    ) -> None:
        """End the session of the party that logged in last, or that --as names, and forget its token."""
        out, url = session.out, session.url
        party = reader_of(out, url, session.reader)
        if party is None:
            raise Invalid(f"nobody is logged in at {url}")
        tokens = tokens_of(out)
        found: dict[str, Any] = {"party_id": party, "gateway": url, "ended": "none was open"}
        try:
            if all_ or tokens.find(url, party) is not None:
                session.gateway.end_session(all_=all_)
                found["ended"] = "all" if all_ else "this one"
        except RefusedByService as problem:
            if problem.code != "unknown_session":
                raise
        tokens.forget(url, party)
        out.show(found, Record(found))
