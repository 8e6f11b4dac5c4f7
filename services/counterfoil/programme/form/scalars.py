"""The scalars of a programme document: as they are written, in units that people use. `values` reads them."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from counterfoil.contract.limits import MAX_NAME, MAX_REASON, MAX_REFERENCE
from counterfoil.programme.limits import MAX_COUNT, MAX_DAYS, MAX_MONTHS, MAX_TEXT


class Part(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A part of a document: closed to members that it does not name."""


def described(text: str, *examples: object) -> Meta:
    """What a member says, and values that it takes."""
    return Meta(description=text, examples=list(examples))


Id = Annotated[str, Meta(pattern=r"^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$", max_length=63)]
"""Lower-case letters, digits, dots, dashes."""
Word = Annotated[str, Meta(pattern=r"^[A-Z][A-Z0-9_]{0,63}$", max_length=64)]
"""A code of a list: upper-case letters, digits, underscores."""
FactName = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,63}$", max_length=64)]
Name = Annotated[str, Meta(min_length=1, max_length=MAX_NAME)]
Text = Annotated[str, Meta(min_length=1, max_length=MAX_TEXT)]
Reason = Annotated[str, Meta(min_length=1, max_length=MAX_REASON)]
Reference = Annotated[str, Meta(min_length=1, max_length=MAX_REFERENCE)]
Day = Annotated[str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", description="a date, ISO 8601")]
Money = Annotated[
    str, Meta(pattern=r"^(0|[1-9][0-9]{0,12})(\.[0-9]{1,6})?$", description="units of the programme's currency")
]
Quantity = Annotated[
    str, Meta(pattern=r"^(0|[1-9][0-9]{0,12})(\.[0-9]{1,6})?$", description="a decimal number of units")
]
Rate = Annotated[
    str,
    Meta(
        pattern=r"^([0-9]{1,6}/[1-9][0-9]{0,5}|[0-9]{1,4}(\.[0-9]{1,4})?%)$",
        description="a rational share: a fraction, or a percentage",
        examples=["2/3", "30%", "12.5%"],
    ),
]
Multiple = Annotated[
    str,
    Meta(
        pattern=r"^((0|[1-9][0-9]{0,12})(\.[0-9]{1,6})?|[0-9]{1,6}/[1-9][0-9]{0,5})$",
        description="how many times as much: a decimal number, or a fraction",
        examples=["2.5", "1/3"],
    ),
]
Days = Annotated[int, Meta(ge=0, le=MAX_DAYS, description="calendar days")]
Months = Annotated[int, Meta(ge=0, le=MAX_MONTHS, description="calendar months")]
Count = Annotated[int, Meta(ge=0, le=MAX_COUNT)]
Language = Annotated[str, Meta(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})?$", description="a BCP 47 tag")]
Currency = Annotated[str, Meta(pattern=r"^[A-Z]{3}$", description="ISO 4217, or one that the operator registered")]
Instrument = Annotated[
    str,
    Meta(
        pattern=r"^[A-Z][A-Z0-9_]{0,31}$",
        description="what a voucher is for: COMPUTE, MODEL, DATA, TOKEN, ALGORITHM, TRANSPORT, or a word of one's own",
        examples=["COMPUTE", "MODEL"],
    ),
]
Everything = Literal["ANY"]
