"""What to do about a refusal: advice on each code that has any, and general advice on the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from counterfoil.cli.values import format_amount
from counterfoil.contract.refusal_meanings import MEANINGS, Stage
from counterfoil.contract.refusals import Code
from counterfoil.contract.times import format_hour, format_time

_ADVICE: Final[dict[str, str]] = {
    Code.WRONG_AUDIENCE: "The pinned keys are another instance's: check --url and COUNTERFOIL_VKEYS.",
    Code.UNKNOWN_TYPE: (
        "`counterfoil rules list` shows the rules in force; the instance may be of an older release than this one."
    ),
    Code.OVERLOADED: "Nothing was recorded. Run it again in a moment.",
    Code.UNKNOWN_KEY: (
        "Check --as and --key. A key registered just now reaches every service within a second: then run it again."
    ),
    Code.BAD_SIGNATURE: "The key file is not this key's: compare `counterfoil keys show NAME` with `keys registered`.",
    Code.KEY_REVOKED: "Sign with another key of the party: --key NAME.",
    Code.KEY_FOR_OTHER_USE: "Sign `party recover` with the recovery key, and all else with another key: --key NAME.",
    Code.PARTY_CLOSED: "It can cancel orders, report and accept usage, and claim. Only its recovery opens it again.",
    Code.PARTY_SUSPENDED: "`counterfoil party show` says why, and what it still may until the operator reinstates it.",
    Code.COMMAND_EXPIRED: "Check this machine's clock, then run it again, if it had an --idempotency-key with another.",
    Code.COMMAND_FROM_FUTURE: "Check this machine's clock, then run it again.",
    Code.ROLE_NOT_ALLOWED: "Sign as a party with the role that `needs` names: `counterfoil party list` shows them.",
    Code.TEXT_NOT_ACCEPTABLE: (
        "Take out the character that `why` names. Not NFC: type it again, or let a program normalise it."
    ),
    Code.UNKNOWN_PARTY: "See `counterfoil party list`; the operator registers parties.",
    Code.UNKNOWN_PROGRAMME: "See `counterfoil programme list`.",
    Code.UNKNOWN_CLASS: "See `counterfoil class list`; the operator registers classes.",
    Code.SITE_NEEDED: "`counterfoil offer post --site`; `counterfoil inventory list` says what is attested.",
    Code.EXCEEDS_INVENTORY: "See `counterfoil inventory list` and your open offers: offer fewer, or reduce one first.",
    Code.PERFORMANCE_UNKNOWN: "See `counterfoil class list --json`; `counterfoil bid place --class` needs no figures.",
    Code.NO_CLASS_ADMITTED: "See `counterfoil class list --json`: ask for less, name fewer needs, or pay more.",
    Code.PRICED_BY_PERFORMANCE: "`counterfoil bid cancel`, then `counterfoil bid place-by-performance`.",
    Code.UNKNOWN_CURRENCY: "See `counterfoil currency list`; the operator registers currencies beside ISO 4217.",
    Code.UNKNOWN_VOUCHER: "See `counterfoil voucher list`.",
    Code.UNKNOWN_TRANSFER: "See `counterfoil transfer list`: it may be accepted, closed, or have lapsed.",
    Code.UNKNOWN_PLEDGE: "See `counterfoil pledge list`: it may be released, enforced, or over with its voucher.",
    Code.TRANSFER_NOT_PERMITTED: "`counterfoil programme show` says on which terms vouchers change hands, if any do.",
    Code.UNKNOWN_AID: "See `counterfoil aid list`: what its window has left behind is forgotten.",
    Code.UNKNOWN_REGIME: "See `benefit.regimes` in `counterfoil programme document`: a programme has to name it first.",
    Code.UNKNOWN_ORDER: "See `list` of `counterfoil offer`, `bid` and `credit`; it may be closed already.",
    Code.UNKNOWN_AUCTION: "See `counterfoil auction list`.",
    Code.AUCTION_NOT_LOCKED: "Solutions are proposed between its lock and its clearing: `counterfoil auction show`.",
    Code.AUCTION_NOT_OPEN: "See `counterfoil auction show`: an order can still be improved until it clears.",
    Code.PRICE_OUTSIDE_COLLAR: "Name a price from `least` to `most`; one of credit from `least_bps` to `most_bps`.",
    Code.UNKNOWN_CONTRACT: "See `counterfoil usage contracts`.",
    Code.UNKNOWN_REPORT: "See `counterfoil usage list`.",
    Code.UNKNOWN_CAPTURE: "See `counterfoil usage list`: what is not captured yet is corrected, not reversed.",
    Code.UNKNOWN_CLAIM: "See `counterfoil claim list`.",
    Code.UNKNOWN_SETTLEMENT: "See `counterfoil claim payments`.",
    Code.UNKNOWN_KEY_ID: "See `counterfoil keys registered`.",
    Code.UNKNOWN_RECOVERY: "See `counterfoil party recoveries`: it is in force, or has ended.",
    Code.ROOT_OPERATOR: "The operator's recovery key recovers it: `counterfoil party recover`.",
    Code.NAME_CONFUSABLE: (
        "Compare with `counterfoil party show PARTY`. If they are two and both mean this name: --looks-like PARTY."
    ),
    Code.NOT_YOURS: "Sign as the party that it belongs to: --as PARTY.",
    Code.KEY_NOT_PROVEN: "Whoever has the key proves it for this host and party: `counterfoil keys prove`.",
    Code.RECOVERY_UNDER_WAY: "See `counterfoil party recoveries`.",
    Code.UNKNOWN_PROPOSAL: "See `counterfoil usage corrections` and `counterfoil usage contracts`: it may be over.",
    Code.VERSION_NOT_NEXT: "Take the next: `counterfoil programme show` and `counterfoil class list` have the last.",
    Code.LAST_KEY: "Add another key first: `counterfoil keys add`.",
    Code.PRICE_OFF_TICK: "Prices are multiples of the currency's minor unit, such as 0.01.",
    Code.BOND_TOO_SMALL: "Raise --bond-bps.",
    Code.BOND_IN_KIND: "Post it with --bond-bps 0.",
    Code.PRICE_NOT_AT_PAR: "Take --price 1: a GPU-hour in kind is a GPU-hour.",
    Code.PROGRAMME_IN_KIND: "See `counterfoil usage contracts`: what was metered is used up when it is accepted.",
    Code.PROGRAMME_PAUSED: "`counterfoil programme show` says why; its issuer resumes it.",
    Code.SPEND_TOO_SMALL: "`counterfoil programme show` says the least that is spent at once.",
    Code.GROUND_NOT_IN_RULES: "`counterfoil programme show` says which grounds its rules name: --ground GROUND.",
    Code.SUSPENSION_TOO_LONG: "Name fewer days; an operator may extend it: `counterfoil voucher extend-suspension`.",
    Code.PROGRAMME_IN_RUN_OFF: "`counterfoil programme run-offs` says why; what is open is finished.",
    Code.PROGRAMME_NOT_IN_RUN_OFF: "Begin with `counterfoil programme run-off`.",
    Code.PROGRAMME_CLOSED: "`counterfoil programme run-offs` shows its final reconciliation.",
    Code.PROGRAMME_STILL_OPEN: "Finish or reject what is named. Vouchers, claims and receivables are in micro-units.",
    **dict.fromkeys((Code.AUDITOR_NOT_APPOINTED, Code.AUDITOR_ALREADY_APPOINTED), "See `counterfoil party auditors`."),
    Code.PARTY_NOT_AN_AUDITOR: "See `counterfoil party list`: the operator registers auditors.",
    Code.PROVIDER_NOT_LISTED: "See `counterfoil programme providers`.",
    Code.PROVIDER_SUSPENDED: "`counterfoil programme providers` says why; the issuer reinstates the provider.",
    Code.PAID_BY_SHARES: "See `counterfoil claim shares`; confirm each with `counterfoil claim pay-share`.",
    Code.AMOUNT_DIFFERS: "Compare the bank's statement with `counterfoil claim payments`; confirm what `due` names.",
    Code.REFERENCE_ALREADY_USED: "See entry `entry` of the same log. If the paper is another, spell its reference out.",
    Code.NOTHING_TO_PAY: "Wait for more claims: `counterfoil claim owed` shows what is carried.",
    Code.PROGRAMME_NOT_OPEN: "See valid_from and valid_until in `counterfoil programme versions`.",
    Code.DUTIES_NOT_SEPARATE: (
        "Another party has to do this: `counterfoil party show PARTY` says what a party may do, and why not."
    ),
    Code.GATE_CLOSED: "Name later hours, `first` at the earliest: those that are about to begin are not traded.",
    Code.WINDOW_NOT_VALID: "Take `least` to `most` hours, and let it end by `last_end`.",
    Code.AMEND_NOT_VALID: "Name --reduce-by or --price. To take back all nodes, cancel the order.",
    Code.NODES_ALREADY_SOLD: "Take back fewer nodes; for another price cancel the offer, and post what is left anew.",
    **dict.fromkeys(
        (
            Code.PARTY_NOT_SUSPENDED,
            Code.PROGRAMME_NOT_PAUSED,
            Code.PROVIDER_ALREADY_LISTED,
            Code.PROVIDER_NOT_SUSPENDED,
            Code.VOUCHER_NOT_SUSPENDED,
        ),
        "There is nothing to do.",
    ),
    Code.UNKNOWN_WINDOW: "See `counterfoil window list`.",
    Code.WINDOW_STILL_OPEN: "Close it when `closes`, by the programme's local time, is over.",
    Code.SEED_NOT_VALID: "Name the file with which the window was opened: --seed-file FILE.",
    Code.DECIDED_BY_WINDOW: "`counterfoil window close` has them decided; until then one may be rejected.",
    Code.ORDER_NOT_OPEN: "Wait until its funds are held, then run it again.",
    Code.USAGE_NOT_DELIVERED_YET: "Report after the hour has ended.",
    Code.CORRECTION_OPEN: "Agree to the correction, dispute the report, or leave it to the operator's decision.",
    Code.CANCELLATION_OPEN: "The other side may agree to it: `counterfoil usage agree-cancellation`.",
    Code.DELIVERY_BEGUN: "The provider can give up the rest: `counterfoil usage withdraw`.",
    Code.NOT_RECLAIMABLE: "The provider can give up the rest: `counterfoil usage withdraw`.",
    Code.NOTICE_NEEDED: "`counterfoil usage reclaim`; `counterfoil usage contracts --json` says with which notice.",
    Code.RECLAIM_TOO_SOON: "The refusal names the earliest hour.",
    Code.USAGE_OPEN: "Wait until the report is accepted or its dispute window closes, then run it again.",
    Code.NOTHING_TO_CLAIM: "Claim once usage was captured: `counterfoil usage contracts` shows the `subsidy`.",
    Code.APPROPRIATION_EXCEEDED: "Add to the budget (`counterfoil programme appropriate`), or take a smaller amount.",
    Code.EXCEEDS_CAPTURED: "See `counterfoil reversal list` for what was reversed before.",
    Code.EXCEEDS_UNCLAIMED: "Ask the operator to decide it: `counterfoil reversal decide`.",
    Code.EXCEEDS_PAID: "See `counterfoil clawback list` for what was taken back before.",
    Code.EXCEEDS_OWED: "See `counterfoil reversal receivables`.",
    Code.CAP_EXCEEDED: "A voucher issued by mistake counts no more once given back: `counterfoil voucher return`.",
    Code.EXCEEDS_AVAILABLE: "See `counterfoil balance show PARTY`: deposit, or take a smaller amount.",
    Code.SECOND_SIGNATORY_NEEDED: (
        "For an approval, a party of the issuer's group with the role of issuer signs the same; for a payment, another"
        " treasurer."
    ),
    Code.TRADING_HALTED: "See `counterfoil market halts`: run it again once that has been resumed.",
    Code.TRADING_NOT_HALTED: "See `counterfoil market halts`: resume just what one of them names.",
    "not_found": "See the list of the same group. What only others may see counts as not there: --as PARTY.",
    "not_rooted": (
        "A state is kept every 16,384 entries of the log, and when its instance stops in order. Until then `counterfoil"
        " audit` and `counterfoil voucher prove` read the entries themselves."
    ),
    "session_required": "Name who reads: --as PARTY, or `counterfoil login PARTY`.",
    "unknown_session": "`counterfoil login PARTY` opens another session.",
    "not_for_this_reader": "Read as the operator or as an auditor appointed for all: --as PARTY.",
    "open_session_expired": "Correct this machine's clock, then run it again.",
    "open_session_too_long": "Correct this machine's clock, then run it again.",
    "nonce_used": "Run it again.",
    "unknown_filter": "Name one of the filters in the message: --where NAME=VALUE.",
    "not_decided": (
        "Nothing is recorded under this id that you may see: read as who signed it, --as PARTY. If it was just sent,"
        " ask again."
    ),
}
_TRANSIENT: Final = "A new command may succeed later without being different: run it again."
_FINAL: Final = "The same command will always be refused: change what the fields name, and run it again."
_FORM: Final = "Nothing was recorded: correct it, and run it again."


def advice(code: str) -> str:
    """What a person can do about a refusal with this code."""
    if code in _ADVICE:
        return _ADVICE[code]
    if code not in set(Code):
        return _FORM
    meaning = MEANINGS[Code(code)]
    if meaning.transient:
        return _TRANSIENT
    return _FORM if meaning.stage is Stage.INTAKE else _FINAL


_SHOWN: Final[dict[str, Callable[[int], str]]] = {
    **dict.fromkeys(
        (
            "available",
            "needed",
            "uncommitted",
            "amount",
            "tick",
            "unit",
            "due",
            "left",
            "unclaimed",
            "owed",
            "reversible",
            "min_face",
            "cap",
            "issued",
        ),
        format_amount,
    ),
    **dict.fromkeys(("hour", "last_start", "first", "last_end"), format_hour),
    "report_by": format_time,
    "again": format_time,
}


def readable(fields: Mapping[str, str]) -> dict[str, str]:
    """A refusal's fields for people: amounts in units of the currency, hours and times as text."""
    shown = {**_SHOWN, "most": format_amount} if "amount" in fields else _SHOWN
    return {
        name: shown[name](int(text)) if name in shown and text.isascii() and text.isdigit() else text
        for name, text in fields.items()
    }
