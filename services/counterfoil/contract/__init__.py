"""What crosses a boundary: identifiers, commands, events, the signed envelope, the log entry and their one codec.

Standard library dataclasses only; only `codec` and `export` use pydantic and orjson.
Import the modules themselves: ``from counterfoil.contract import commands, events``.
"""
