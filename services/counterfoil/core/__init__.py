"""The business of Counterfoil, pure and deterministic.

Nothing here reads a clock, a random source, the environment or a file; there are no floats, no ``hash()`` and no
iteration over sets. Time, ids and entropy arrive as data. The same log bytes give the same state and the same state
root on every machine.

A service is a `decider.Decider`; `engine.Engine` runs one; the deciders are in `issuance`, `ledger`, `matching` and
`redemption`.
"""
