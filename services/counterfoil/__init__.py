"""Counterfoil: vouchers for GPU time, issued, matched, delivered, redeemed and audited from a signed public log.

The package, from the bottom up; import-linter keeps the order (`pyproject.toml`):

- `errors`: the error tree.
- `contract`: the shared words of the wire: scalars, times, terms, envelope, entry, codec, limits, refusals.
- `log`: the signed, append-only log: Merkle tree, tiles, checkpoints, proofs, receipts. Usable on its own.
- `core`: what every decider stands on, pure: engine, rules versions, directory of parties, deadlines, state root.
- `instance`, `settings`: an installation; typed settings.
- `ports`, `service`: what the shell needs, with its guarantees; what a service declares.
- `issuance`, `ledger`, `matching`, `redemption`: a folder per service with all that is its own.
- `vocabulary`: the commands and events of all services, and their codec. `catalogue`: the services, each listed once.
- `runtime`: runs a decider durably: batches, group commit, timers, publisher, projector, recovery.
- `storage`, `transport`: the adapters behind the ports. `ops`: metrics, traces, probes.
- `client`: signs commands, sends them, checks receipts, mirrors logs.
- `audit`: replays and checks the published logs; needs nothing but their bytes.
- `gateway`: HTTP in, receipts out.
- `bootstrap`: the one place where ports meet implementations.
- `testbed`, `bench`, `demo`, `cli`: local clusters and fleets; benchmarks; the story; the command line.
"""

from __future__ import annotations

__version__ = "0.2.0"
