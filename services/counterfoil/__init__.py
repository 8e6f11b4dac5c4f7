"""Counterfoil: vouchers for GPU time, issued, matched, delivered, redeemed and audited from a signed public log.

The package, from the bottom up; a folder imports only from those above it in this list:

- `contract`: what crosses a process boundary: ids, commands, events, entries, limits and their one codec.
- `log`: the signed, append-only log: Merkle tree, tiles, checkpoints, proofs, receipts. Usable on its own.
- `core`: the business rules as pure functions: issuance, ledger, matching, redemption. Independent of `log`.
- `errors`, `settings`, `ports`: the error tree; the typed settings; what the shell needs, with its guarantees.
- `runtime`: runs a decider durably: batches, group commit, timers, publisher, projector, recovery.
- `storage`, `transport`: the adapters behind the ports.
- `issuance`, `ledger`, `matching`, `redemption`: the four services, with the same file names in each.
- `client`: signs commands, sends them and checks the receipts.
- `audit`: replays and checks the published logs; needs nothing but their bytes.
- `gateway`: HTTP in, receipts out.
- `bootstrap`: the one place where ports meet implementations.
- `demo`, `cli`: the whole market in one process; the command line.
"""

from __future__ import annotations

__version__ = "0.2.0"
