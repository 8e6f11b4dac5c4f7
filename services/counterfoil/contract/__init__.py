"""What crosses a boundary: identifiers, commands, events, the signed envelope, the log entry and their one codec.

Records are structs of msgspec. pydantic is known to `faults`, which names refusals, and `export`, which makes schemas.
Import the modules themselves: ``from counterfoil.contract import commands, events``.
"""
