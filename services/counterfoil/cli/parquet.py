"""Rows of a view as Apache Parquet, with the extra `parquet`: written by groups of rows, so memory stays bounded."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import islice
from typing import IO, Any, Final

from counterfoil.cli.extras import extra
from counterfoil.cli.late_views import View
from counterfoil.contract.limits import MICRO_DIGITS
from counterfoil.contract.times import HOUR, parse_derived_time, parse_hour

GROUP: Final = 16_384
"""Rows of a group: as many are in memory at once."""
_DIGITS: Final = 19  # of the largest amount in micro-units
_UNITS: Final = {
    "amount": "units of the currency, exact to the micro-unit",
    "time": "microseconds since 1970-01-01T00:00:00Z",
    "hour": "beginning of the delivery hour, UTC",
    "json": "RFC 8259 text",
}
_VALUES: Final[Mapping[str, Callable[[Any], object]]] = {
    "amount": lambda text: Decimal(text).scaleb(-MICRO_DIGITS),
    "time": parse_derived_time,
    "hour": lambda text: parse_hour(text) * HOUR,
    "json": lambda value: json.dumps(value, ensure_ascii=False, separators=(",", ":")),
}
"""From the gateway's form of a value, by kind; those of other kinds stay as they are."""


def require_parquet() -> None:
    """Raise `Invalid` if the extra is not installed."""
    with extra("parquet"):
        import pyarrow.parquet  # noqa: F401 only whether it is there


def write_parquet(
    target: IO[bytes], view: View, rows: Iterator[Mapping[str, Any]], position: Callable[[], str]
) -> None:
    """Write all rows. `position`: at which entries of the logs they were read, asked when all were.

    Amounts are decimals with six places, times and hours timestamps in UTC; the unit is in the field's metadata, and
    the view, its key and the position are in the file's.
    """
    import pyarrow as pa
    from pyarrow import parquet

    schema = pa.schema([_field(name, kind) for name, kind in view.columns.items()])
    with parquet.ParquetWriter(target, schema, compression="zstd") as writer:
        while group := list(islice(rows, GROUP)):
            columns = [_column(kind, [row.get(name) for row in group]) for name, kind in view.columns.items()]
            arrays = [pa.array(values, field.type) for values, field in zip(columns, schema, strict=True)]
            writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=schema), row_group_size=GROUP)
        about = {"view": view.name, "key": ",".join(view.key), "position": position()}
        writer.add_key_value_metadata({f"counterfoil.{name}": value for name, value in about.items()})


def _field(name: str, kind: str) -> Any:
    import pyarrow as pa

    plain = kind.removesuffix("?")
    moment = pa.timestamp("us", "UTC")
    types = {"int": pa.int64(), "amount": pa.decimal128(_DIGITS, MICRO_DIGITS), "bool": pa.bool_()}
    type_ = types.get(plain, moment if plain in ("time", "hour") else pa.string())
    metadata = {"counterfoil.kind": kind, **({"unit": _UNITS[plain]} if plain in _UNITS else {})}
    return pa.field(name, type_, nullable=kind.endswith("?"), metadata=metadata)


def _column(kind: str, values: Sequence[Any]) -> Sequence[object]:
    convert = _VALUES.get(kind.removesuffix("?"))
    return values if convert is None else [None if value is None else convert(value) for value in values]
