"""Currencies that are paid in, and their minor units.

ISO 4217 list one as SIX published it on 2026-01-01, without funds, metals and codes that no bank pays in:
https://www.six-group.com/en/products-services/financial-information/data-standards.html
"""

from __future__ import annotations

from typing import Final

from counterfoil.contract.limits import MICRO_DIGITS

_CODES: Final = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF",
    2: """
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC CUP CVE
    CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR
    KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB
    PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY
    TTD TWD TZS UAH USD UYU UZS VED VES WST XAD XCD XCG YER ZAR ZMW ZWG
    """,
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "UYW",
}
ISO_4217: Final[dict[str, int]] = {code: digits for digits, codes in _CODES.items() for code in codes.split()}
"""Decimals of each currency's minor unit."""


def minor_unit(digits: int) -> int:
    """A minor unit of so many decimals in micro-units."""
    return int(10 ** (MICRO_DIGITS - digits))
