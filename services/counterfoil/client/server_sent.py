"""Reads server-sent events (HTML living standard) from bytes as they come; comments are left out."""

from __future__ import annotations

from typing import Any, Final

import orjson

EVENT_BYTES_MAX: Final = 1_048_576
"""The longest event: an entry of 64 KiB in JSON, with the envelope that carries it, is far below."""


class Events:
    """The events of one stream whose data are JSON objects."""

    def __init__(self) -> None:
        self._rest = b""
        self._id, self._data = "", b""

    def feed(self, piece: bytes) -> list[tuple[str, dict[str, Any]]]:
        """(id, data) of each event that these bytes complete. Raises ValueError for what is no such event."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        if len(self._rest) + len(self._data) > EVENT_BYTES_MAX:
            raise ValueError(f"an event of more than {EVENT_BYTES_MAX} bytes")
        found = []
        for line in lines:
            line = line.removesuffix(b"\r")
            name, _, value = line.partition(b":")
            value = value.removeprefix(b" ")
            if name == b"id":
                self._id = value.decode()
            elif name == b"data":
                self._data += value
            elif not line and self._data:
                data, self._data = orjson.loads(self._data), b""
                if not isinstance(data, dict):
                    raise ValueError("data that are no JSON object")
                found.append((self._id, data))
        return found
