"""Signs commands, and other documents such as what opens sessions, for one party."""

from __future__ import annotations

from collections.abc import Sequence

from nacl.bindings import crypto_sign, crypto_sign_seed_keypair

from counterfoil.contract.codec import encode_payload
from counterfoil.contract.entry import PAYLOAD_TYPE
from counterfoil.contract.envelope import encode_envelope, signed_bytes
from counterfoil.contract.key_id import key_id_of
from counterfoil.contract.open_session import OPEN_SESSION_TYPE, OpenSession, encode_open_session
from counterfoil.contract.possession import ProvenKey, Use, statement
from counterfoil.contract.record import Command as Body
from counterfoil.contract.submission import BATCH, Header, Seen
from counterfoil.contract.times import HOUR


class Author:
    """Signs with a party's Ed25519 key. `seed`: 32 octets, the private key; it is never shown."""

    def __init__(self, party_id: str, seed: bytes) -> None:
        self.party_id = party_id
        self.public_key, self._secret = crypto_sign_seed_keypair(seed)
        self.key_id = key_id_of(self.public_key)

    def prove(self, host: str, use: Use = "signing") -> ProvenKey:
        """This key, with the proof that its party wants it registered with the instance `host`."""
        return ProvenKey(public_key=self.public_key, proof=self.consent(host, self.public_key, use))

    def consent(self, host: str, public_key: bytes, use: Use) -> bytes:
        """This key's signature over the statement of a key of its party."""
        return crypto_sign(statement(host, self.party_id, public_key, use), self._secret)[:64]

    def open_session(self, host: str, expires_at: int, nonce: bytes) -> bytes:
        """The DSSE envelope that opens a session with the instance `host`. `nonce`: 16 octets, used once."""
        document = OpenSession(
            audience=host, expires_at=expires_at, key_id=self.key_id, nonce=nonce, party_id=self.party_id
        )
        return self.seal(encode_open_session(document), OPEN_SESSION_TYPE)

    def seal(self, payload: bytes, payload_type: str = PAYLOAD_TYPE) -> bytes:
        """The DSSE envelope of a payload of this type, by default a command's."""
        signature = crypto_sign(signed_bytes(payload, payload_type), self._secret)[:64]
        return encode_envelope(payload, signature, self.key_id, payload_type)

    def sign(
        self,
        bodies: Body | Sequence[Body],
        aud: str,
        command_id: str,
        issued_at: int,
        *,
        expires_at: int | None = None,
        seen: Seen | None = None,
    ) -> bytes:
        """The DSSE envelope of one command, or of a batch if a sequence is given. Default validity: one hour."""
        return self.seal(self.payload(bodies, aud, command_id, issued_at, expires_at=expires_at, seen=seen))

    def payload(
        self,
        bodies: Body | Sequence[Body],
        aud: str,
        command_id: str,
        issued_at: int,
        *,
        expires_at: int | None = None,
        seen: Seen | None = None,
    ) -> bytes:
        """The canonical bytes that `sign` signs."""
        batch = isinstance(bodies, Sequence)
        all_bodies = tuple(bodies) if isinstance(bodies, Sequence) else (bodies,)
        kind, version = (BATCH, 1) if batch else (all_bodies[0].TYPE, all_bodies[0].V)
        header = Header(
            type=kind,
            v=version,
            aud=aud,
            actor=self.party_id,
            key_id=self.key_id,
            command_id=command_id,
            issued_at=issued_at,
            expires_at=issued_at + HOUR if expires_at is None else expires_at,
            seen=seen,
        )
        return encode_payload(header, all_bodies)
