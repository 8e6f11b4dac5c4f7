"""Who reads: nobody in particular, a party, or somebody who may read everything.

A session is looked up again when it was looked up more than `READER_KNOWN_FOR` seconds ago, and with it its key, its
party, its party's roles and its appointment: all of them as they are in the views then.
"""

from __future__ import annotations

import asyncio
import re
import time
from hashlib import sha256
from typing import Final, NamedTuple

from fastapi import Request

from counterfoil.contract.canonical import Refused
from counterfoil.contract.disclosure import Disclosure
from counterfoil.contract.entry import CommandCause, Entry
from counterfoil.gateway.backend import Backend
from counterfoil.gateway.bounds import READER_KNOWN_FOR, READERS_KEPT
from counterfoil.gateway.pools import Pool
from counterfoil.gateway.problems import Problem, ProblemCode
from counterfoil.issuance.words import ALL
from counterfoil.sessions import Session
from counterfoil.vocabulary import CODEC

_BEARER: Final = re.compile(r"[Bb]earer ([A-Za-z0-9_-]{43})", re.ASCII)
_IN_URL: Final = ("access_token", "token")
COOKIE: Final = "counterfoil_session"
"""The cookie with a session's token, which the console sets; it counts for reading alone, never for a change."""
COOKIE_BY_TLS: Final = f"__Host-{COOKIE}"
"""The same by TLS: browsers take a cookie of this name from this host alone."""
_READING: Final = frozenset({"GET", "HEAD"})
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_CHALLENGE: Final = 'Bearer realm="counterfoil"'


class Reader(NamedTuple):
    """Who asks. `party_id`: the party whose session it is; None for anybody.

    `everything`: it may read everything, as the operator, auditors appointed for all, and where the disclosure is
    public everybody may.
    """

    party_id: str | None
    everything: bool


ASKED: Final = (ProblemCode.TOKEN_IN_URL, ProblemCode.UNKNOWN_SESSION)
"""What a request can be answered with where it is asked who reads."""
ALONE: Final = (*ASKED, ProblemCode.NOT_FOR_THIS_READER, ProblemCode.SESSION_REQUIRED)
"""And where only those read who may read everything."""


class Known(NamedTuple):
    """A session, and what its party may read."""

    session: Session
    everything: bool


def session_time() -> int:
    """The clock of sessions, microseconds: this machine's, whatever the time of the market is."""
    return time.time_ns() // 1_000


class Readers:
    """Tells who asks. For one event loop."""

    def __init__(self, backend: Backend, pool: Pool, disclosure: Disclosure) -> None:
        """`pool`: the threads that sessions are looked up in."""
        self.disclosure, self.pool = disclosure, pool
        self._backend = backend
        self._recent: dict[bytes, tuple[float, Known | None]] = {}  # by digest of the token; until when

    async def of(self, request: Request) -> Reader:
        """The reader. Raises `Problem`: 401 for a token of no session, which never counts as none, and 400."""
        known = await self.session(request)
        public = self.disclosure == "public"
        return Reader(None, public) if known is None else Reader(known.session.party_id, public or known.everything)

    async def everything(self, request: Request) -> Reader:
        """The reader, if it may read everything. Raises `Problem`: 401 without a session, 403."""
        reader = await self.of(request)
        if reader.everything:
            return reader
        if reader.party_id is None:
            raise session_required()
        raise Problem(ProblemCode.NOT_FOR_THIS_READER, reader.party_id)

    async def session(self, request: Request) -> Known | None:
        """The session of a request's token; None without a token. Raises `Problem` 401, 400."""
        token = _token(request)
        if token is None:
            return None
        digest, now = self.digest_of(token), asyncio.get_running_loop().time()
        until, known = self._recent.get(digest, (0.0, None))
        if until <= now:
            known = await self.pool.run(self._find, digest)
            self._keep(digest, now + READER_KNOWN_FOR, known)
        if known is None or known.session.expires_at <= session_time():
            raise _unknown()
        return known

    @staticmethod
    def digest_of(token: str) -> bytes:
        """What a session is kept under."""
        return sha256(token.encode()).digest()

    def forget(self, party_id: str) -> None:
        """A session of this party was ended: the next use of any is looked up."""
        ended = [digest for digest, (_, known) in self._recent.items() if known and known.session.party_id == party_id]
        for digest in ended:
            del self._recent[digest]

    def _keep(self, digest: bytes, until: float, known: Known | None) -> None:
        self._recent.pop(digest, None)
        self._recent[digest] = until, known
        if len(self._recent) > READERS_KEPT:
            del self._recent[next(iter(self._recent))]

    def _find(self, digest: bytes) -> Known | None:
        session = self._backend.sessions.find(digest, session_time())
        if session is None:
            return None
        key = self._backend.views.get("keys", (session.party_id, session.key_id))
        if key is None or key["revoked_at"] is not None:
            return None
        roles = roles_of(self._backend, session.party_id)
        if roles is None:
            return None
        appointed = "auditor" in roles and is_appointed(self._backend, session.party_id, ALL)
        return Known(session, "operator" in roles or appointed)


def roles_of(backend: Backend, party_id: str) -> list[str] | None:
    """The roles of a party; None if it is closed, or unknown. May wait for a database."""
    party = backend.views.get("parties", (party_id,))
    if party is None or party["closed_at"] is not None:
        return None
    roles: list[str] = party["roles"]  # type: ignore[assignment]
    return roles


def is_appointed(backend: Backend, party_id: str, programme_id: str) -> bool:
    """Whether a party is appointed auditor of a programme, ``""`` for all. May wait for a database."""
    row = backend.views.get("auditors", (programme_id, party_id))
    return row is not None and row["ended_at"] is None


def may_read_entry(backend: Backend, reader: Reader, entry: Entry) -> bool:
    """Whether a reader may see an entry: who signed it, and for a command about a programme its issuer and auditors.

    May wait for a database.
    """
    if reader.everything:
        return True
    if reader.party_id is None or not isinstance(entry.cause, CommandCause):
        return False
    try:
        submission = CODEC.decode_payload(entry.cause.payload, entry.cause.signature)
    except Refused:
        return False
    if submission.header.actor == reader.party_id:
        return True
    programmes = {getattr(body, "programme_id", None) for body in submission.bodies}
    return all(programme and _reads_programme(backend, reader.party_id, programme) for programme in programmes)


def _reads_programme(backend: Backend, party_id: str, programme_id: str) -> bool:
    programme = backend.views.get("programmes", (programme_id,))
    if programme is None:
        return False
    if programme["issuer_id"] == party_id:
        return roles_of(backend, party_id) is not None
    roles = roles_of(backend, party_id) or ()
    return "auditor" in roles and is_appointed(backend, party_id, programme_id)


def _token(request: Request) -> str | None:
    """The token of a request; None if it names none. Raises `Problem`."""
    if any(name in request.query_params for name in _IN_URL):
        raise Problem(ProblemCode.TOKEN_IN_URL)
    given = request.headers.getlist("authorization")
    if not given:
        return _cookie(request)
    found = _BEARER.fullmatch(given[0]) if len(given) == 1 else None
    if found is None:
        raise _unknown()
    return found[1]


def _cookie(request: Request) -> str | None:
    """The token of a browser that has a session; None if it has none, or one of another form.

    Somebody else may have put such a cookie there, and what anybody may read stays readable. Browsers add cookies by
    themselves, so what another site made one send would change things in a party's name: no request that changes
    anything is believed by its cookie.
    """
    token = request.cookies.get(cookie_of(request)) if request.method in _READING else None
    return token if token is not None and _TOKEN.fullmatch(token) else None


def cookie_of(request: Request) -> str:
    """The name of the cookie with a session's token."""
    return COOKIE_BY_TLS if request.url.scheme == "https" else COOKIE


def session_required() -> Problem:
    """401 for a request without a token."""
    return Problem(ProblemCode.SESSION_REQUIRED, headers={"WWW-Authenticate": _CHALLENGE})


def _unknown() -> Problem:
    return Problem(ProblemCode.UNKNOWN_SESSION, headers={"WWW-Authenticate": f'{_CHALLENGE}, error="invalid_token"'})
