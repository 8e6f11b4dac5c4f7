"""What an operator may set of the gateway's protections; all other bounds are in `gateway.bounds`."""

from __future__ import annotations

from dataclasses import dataclass, field

from counterfoil.contract.disclosure import Disclosure
from counterfoil.gateway.quotas import Quota


@dataclass(frozen=True, slots=True)
class Protections:
    """`hosts`: names by which the gateway may be asked, besides addresses; empty for any name.

    `proxies`: addresses of reverse proxies, which are believed about who asks. `disclosure`: who
    may read what.
    """

    quota: Quota = field(default_factory=Quota)
    hosts: frozenset[str] = frozenset()
    proxies: tuple[str, ...] = ()
    disclosure: Disclosure = "restricted"
    webhooks_to_loopback: bool = False
