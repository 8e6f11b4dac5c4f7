"""Who a command reads as: `--as`, else COUNTERFOIL_READER, else who logged in last; else nobody in particular."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address
from typing import TYPE_CHECKING, Annotated, Final
from urllib.parse import urlsplit

import typer

from counterfoil.cli.command import Invalid, Out
from counterfoil.contract.log_id import host_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from counterfoil.client.author import Author
    from counterfoil.client.bearer import Bearer
    from counterfoil.client.sessions import Opened, Tokens
    from counterfoil.log.keys import VerifyKey

SESSIONS: Final = "sessions"
"""The directory of tokens, below that of the keys."""
ReaderOption = Annotated[
    str | None,
    typer.Option(
        "--as", metavar="PARTY", help="Who reads: a party's id. Default: COUNTERFOIL_READER, or who logged in last."
    ),
]


def tokens_of(out: Out) -> Tokens:
    """The tokens beside the keys of this command."""
    from counterfoil.client.sessions import Tokens

    return Tokens(out.settings.key_directory / SESSIONS)


def reader_of(out: Out, url: str, reader: str | None) -> str | None:
    """The party that a command reads as; None for nobody in particular."""
    return reader or out.settings.reader or tokens_of(out).last(url)


def bearer_of(out: Out, url: str, reader: str | None, host: Callable[[], str]) -> Bearer:
    """What gives the token of the reader. `host`: the instance that a document may be signed for.

    A session that is kept is used; where none goes on, another is opened, if the key is here without a passphrase.
    """
    from counterfoil.client.bearer import Bearer

    party = reader_of(out, url, reader)
    if party is None:
        return Bearer()

    def author() -> Author:
        from counterfoil.cli.keyring import Keyring
        from counterfoil.cli.passphrases import passphrase_of

        keyring = Keyring(out.settings.key_directory, passphrase_of(out, None))
        if not keyring.path(party).exists() or (keyring.encrypted(party) and out.settings.passphrase_file is None):
            raise Invalid(f"no session of {party} with {url} goes on: `counterfoil login {party}` opens one")
        return keyring.author(party)

    return bearer_by(out, url, party, author, host)


def bearer_by(out: Out, url: str, party: str, author: Callable[[], Author], host: Callable[[], str]) -> Bearer:
    """The same for a party whose key is known: `author` gives its signer."""
    from counterfoil.client.bearer import Bearer

    def renew(refused: str | None) -> str | None:
        kept = tokens_of(out).find(url, party)
        if kept is not None and kept.token != refused:
            return kept.token
        return log_in(out, url, author(), host()).token

    return Bearer(renew=renew)


def log_in(out: Out, url: str, author: Author, host: str) -> Opened:
    """Open a session and keep its token. Raises `Invalid` if it cannot be kept, `RefusedByService`, `Unreachable`."""
    from counterfoil.client.http import Gateway
    from counterfoil.client.sessions import open_session

    with Gateway(url, ca=out.settings.ca) as gateway:
        opened = open_session(gateway, author, host)
    try:
        tokens_of(out).keep(opened)
    except OSError as problem:
        raise Invalid(f"cannot keep the session in {problem.filename}: {problem.strerror}") from problem
    return opened


def trusted_host(url: str, pinned: Mapping[str, VerifyKey], shown: Callable[[], str]) -> str:
    """The instance that a document for the gateway at `url` may name: that of the pinned keys.

    What an unknown gateway says of itself (`shown`) counts on this machine only: another could name the instance of a
    third, and open a session there with the document. Raises `Invalid`.
    """
    hosts = {host_of(origin) for origin in pinned}
    if len(hosts) == 1:
        return hosts.pop()
    if not hosts and _is_local(url):
        return shown()
    what = "the keys of several markets are pinned" if hosts else "no log keys are pinned"
    raise Invalid(f"{what}, so it is not known for which instance to sign: name its keys with COUNTERFOIL_VKEYS")


def _is_local(url: str) -> bool:
    name = urlsplit(url).hostname or ""
    try:
        return name == "localhost" or ip_address(name).is_loopback
    except ValueError:
        return False
