"""The secrets of a secure cluster: a password per user and server, and the brokers' certificate.

`secrets/` is for clients: `kafka-USER` and `postgres-USER` hold a password each, `kafka-ca.pem` the authority that
signed the brokers' certificate. `kafka/broker.pem` has that certificate and its key, for the brokers alone: they
authenticate each other with it, without passwords. The authority's own key is discarded at once; it signs nothing else.
"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Final

import trustme
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from counterfoil.private_files import create_private, read_password, write_password
from counterfoil.settings import USERS
from counterfoil.testbed.cluster.plan import HOST

BROKER: Final = "counterfoil-broker"
"""The user name of brokers before each other: the name in their certificate."""
PASSWORD_OCTETS: Final = 24
"""Random octets of a password, which is written in hexadecimal so that no file format has to quote it."""


def ensure_credentials(clients: Path, brokers: Path) -> None:
    """Make the files that are missing (0600); `clients` becomes a directory of mode 0700."""
    clients.mkdir(mode=0o700, exist_ok=True)
    for user in USERS:
        for server in ("kafka", "postgres"):
            path = clients / f"{server}-{user}"
            if not path.exists():
                write_password(path, secrets.token_hex(PASSWORD_OCTETS))
    broker, authority = brokers / "broker.pem", clients / "kafka-ca.pem"
    if not broker.exists():  # written last, so that an interrupted attempt is repeated
        authority.unlink(missing_ok=True)
        made = trustme.CA()
        create_private(authority, made.cert_pem.bytes())
        create_private(broker, _certificate(made))


def passwords(clients: Path, server: str) -> dict[str, str]:
    """The password of each user for `kafka` or `postgres`."""
    return {user: read_password(clients / f"{server}-{user}") for user in USERS}


def _certificate(authority: trustme.CA) -> bytes:
    made = authority.issue_cert(HOST, "localhost", common_name=BROKER)
    key = load_pem_private_key(made.private_key_pem.bytes(), password=None)
    # Kafka reads keys in PKCS #8 only.
    text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return b"".join((text, *(each.bytes() for each in made.cert_chain_pems)))
