"""The plan of a cluster: its brokers, whether it is secure, its ports. No secrets.

It is made once, as `cluster.json` in the cluster's directory, and never changes, so that addresses stay the same.
"""

from __future__ import annotations

import base64
import json
import secrets
import socket
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from counterfoil.settings import ADMIN
from counterfoil.testbed.cluster.errors import ClusterError

HOST: Final = "127.0.0.1"
DATABASE: Final = "counterfoil"
SUPERUSER: Final = f"counterfoil_{ADMIN}"
MESSAGE_BYTES: Final = 2 * 1024 * 1024
"""The largest batch of records that Kafka accepts; an entry with its proofs in headers is far smaller."""
BROKERS: Final = (1, 3)
"""The possible numbers of brokers: one, or enough to survive the loss of one."""
PORTS: Final = range(20_000, 32_768)
"""Below the ephemeral ports (Linux: from 32768), so that no outgoing connection takes a port of the cluster."""
_FILE: Final = "cluster.json"


@dataclass(frozen=True, slots=True)
class BrokerPlan:
    """One broker, which is also a controller: its identity, and its ports for clients, brokers and controllers."""

    id: int
    directory_id: str
    client: int
    internal: int
    controller: int


@dataclass(frozen=True, slots=True)
class Plan:
    """A cluster: its Kafka brokers, and the port of its PostgreSQL."""

    secure: bool
    cluster_id: str
    postgres: int
    brokers: tuple[BrokerPlan, ...]

    @classmethod
    def new(cls, brokers: int, *, secure: bool) -> Plan:
        """A plan with free ports of the loopback interface. Raises `ClusterError`."""
        if brokers not in BROKERS:
            raise ClusterError(f"{brokers} brokers: there can be {' or '.join(map(str, BROKERS))}")
        postgres, *ports = free_ports(1 + 3 * brokers)
        made = [BrokerPlan(1 + at, _uuid(), *ports[3 * at : 3 * at + 3]) for at in range(brokers)]
        return cls(secure, _uuid(), postgres, tuple(made))

    @classmethod
    def load(cls, root: Path) -> Plan | None:
        """The plan of the cluster in `root`, None if there is none. Raises `ClusterError`."""
        path = root / _FILE
        try:
            found = json.loads(path.read_text())
            return cls(**{**found, "brokers": tuple(BrokerPlan(**each) for each in found["brokers"])})
        except FileNotFoundError:
            return None
        except OSError as problem:
            raise ClusterError(f"{path} cannot be read: {problem.strerror}") from problem
        except (KeyError, TypeError, ValueError) as problem:
            raise ClusterError(f"{path} is damaged: {problem}") from problem

    def save(self, root: Path) -> None:
        """Write it to `root`, atomically."""
        draft = root / f".{_FILE}"
        draft.write_text(json.dumps(asdict(self), indent=2) + "\n")
        draft.replace(root / _FILE)


def _uuid() -> str:
    """A random id in Kafka's form: 16 bytes in base64url, not starting with a dash, which would look like an option."""
    while (made := base64.urlsafe_b64encode(secrets.token_bytes(16)).decode().rstrip("=")).startswith("-"):
        pass
    return made


def free_ports(count: int) -> list[int]:
    """Ports of the loopback interface that are free now. Raises `ClusterError`."""
    with ExitStack() as held:
        found: list[int] = []
        for port in secrets.SystemRandom().sample(PORTS, len(PORTS)):
            if len(found) == count:
                return found
            try:
                held.enter_context(socket.create_server((HOST, port)))
            except OSError:
                continue
            found.append(port)
    raise ClusterError(f"fewer than {count} ports of {HOST} are free from {PORTS.start} to {PORTS.stop - 1}")
